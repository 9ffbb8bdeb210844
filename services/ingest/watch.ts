// The clock of ingest: asks the topic how far it is, and notices a broker that is away or offsets that are gone.
import type { Bounds } from "../../shared/kafka/client.ts";
import type { Log } from "../../shared/runtime/log.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Progress } from "./progress.ts";

export interface Watching {
  stop(): void;
}

interface Watched {
  bounds(): Promise<readonly Bounds[]>;
  readonly paused: Pipeline["paused"];
  readonly progress: Progress;
  /** What comes next is not there: whoever reads finds out what became of it. */
  recheck(): void;
  readonly log: Log;
}

const LOOK_MS = 1000;
const SILENCE_MS = 4000;

export function watch({ bounds, paused, progress, recheck, log }: Watched): Watching {
  let answeredAt = performance.now();
  let looking = false;
  let away = false;

  async function look(): Promise<void> {
    if (!away && performance.now() - answeredAt > SILENCE_MS) {
      away = true;
      log.warn("Kafka does not answer; waiting for it");
      progress.stalled({ by: "kafka", reason: "Kafka does not answer" });
    }
    if (looking) return;
    looking = true;
    try {
      const before = new Map(progress.positions);
      const found = await bounds();
      if (away) log.info("Kafka answers again");
      if (away) progress.stalled(null);
      away = false;
      answeredAt = performance.now();
      progress.looked(found, paused);
      const isGone = ({ partition, begin, end }: Bounds) => {
        const at = before.get(partition);
        return at !== undefined && (at < begin || at > end);
      };
      if (found.some(isGone)) recheck();
    } catch {
      // the broker is away, answeredAt tells for how long
    } finally {
      looking = false;
    }
  }

  const lookingAgain = setInterval(() => void look(), LOOK_MS);
  void look();
  return { stop: () => clearInterval(lookingAgain) };
}
