// The clock of ingest: asks each topic which one it is and how far, and notices a broker that is away, a topic that is
// gone or another one now, and offsets that are gone. Whoever reads hears of it, and knows what it may rely on.
import type { Bounds } from "../../shared/kafka/port.ts";
import type { Log } from "../../shared/runtime/log.ts";
import type { Way } from "./pipeline.ts";
import type { Progress } from "./progress.ts";
import type { Seen } from "./seen.ts";

export interface Watching {
  stop(): void;
}

interface Watched {
  readonly topics: ReadonlyMap<string, Pick<Way, "paused" | "recheck" | "asking" | "answered">>;
  look(topic: string): Promise<Seen>;
  readonly progress: Progress;
  readonly log: Log;
}

const LOOK_MS = 1000;
const SILENCE_MS = 4000;

export function watch({ topics, look, progress, log }: Watched): Watching {
  const ids = new Map<string, string | null>();
  let answeredAt = performance.now();
  let looking = false;
  let away = false;
  let absent: readonly string[] = [];

  async function lookAtAll(): Promise<void> {
    if (!away && performance.now() - answeredAt > SILENCE_MS) {
      away = true;
      log.warn("Kafka does not answer; waiting for it");
      progress.stalled({ by: "kafka", reason: "Kafka does not answer" });
    }
    if (looking) return;
    looking = true;
    try {
      const gone: string[] = [];
      for (const [topic, way] of topics) {
        const before = progress.positionsOf(topic);
        way.asking();
        const seen = await look(topic);
        way.answered(seen);
        if (seen.isAbsent) gone.push(topic);
        else lookAtOne(topic, way, seen, before);
      }
      if (away) log.info("Kafka answers again");
      if (away) progress.stalled(null);
      away = false;
      answeredAt = performance.now();
      told(gone);
    } catch {
      // the broker is away, answeredAt tells for how long
    } finally {
      looking = false;
    }
  }

  function lookAtOne(
    topic: string,
    { paused, recheck }: Pick<Way, "paused" | "recheck">,
    { id, bounds }: Seen,
    before: ReadonlyMap<number, number>,
  ): void {
    progress.looked(bounds, paused, topic);
    const isGone = ({ partition, begin, end }: Bounds) => {
      const at = before.get(partition);
      return at !== undefined && (at < begin || at > end);
    };
    const isOther = ids.has(topic) && ids.get(topic) !== id;
    ids.set(topic, id);
    if (isOther || bounds.some(isGone)) recheck(); // whoever reads finds out what became of it
  }

  function told(gone: readonly string[]): void {
    const reason = `Kafka has no topic ${gone.join(", ")}`;
    if (gone.length > 0) progress.stalled({ by: "kafka", reason });
    else if (absent.length > 0) progress.stalled(null);
    if (gone.length > 0 && gone.join() !== absent.join()) log.warn(`${reason}; waiting for it`);
    absent = gone;
  }

  const lookingAgain = setInterval(() => void lookAtAll(), LOOK_MS);
  void lookAtAll();
  return { stop: () => clearInterval(lookingAgain) };
}
