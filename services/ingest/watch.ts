// The clock of ingest: asks the topic how far it is, and notices a broker that is away or offsets that are gone.
import { AppError } from "../../shared/errors/errors.ts";
import { failure } from "../../shared/errors/failure.ts";
import type { Bounds } from "../../shared/kafka/client.ts";
import type { Log } from "../../shared/runtime/log.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Progress } from "./progress.ts";

export interface Watching {
  /** Rejects when ingest cannot go on. */
  readonly failed: Promise<never>;
  stop(): void;
}

interface Watched {
  readonly topic: string;
  bounds(): Promise<readonly Bounds[]>;
  readonly paused: Pipeline["paused"];
  readonly progress: Progress;
  readonly log: Log;
}

const LOOK_MS = 1000;
const SILENCE_MS = 4000;

export function watch({ topic, bounds, paused, progress, log }: Watched): Watching {
  const { failed, fail } = failure();
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
      for (const { partition, begin, end } of found) {
        const at = before.get(partition);
        if (at === undefined || (at >= begin && at <= end)) continue;
        throw new AppError("OFFSETS_LOST", {
          what: `the topic holds ${begin} to ${end - 1}, next is ${at}`,
          topic,
          partition,
        });
      }
    } catch (error) {
      if (error instanceof AppError) fail(error); // any other: the broker is away, answeredAt tells for how long
    } finally {
      looking = false;
    }
  }

  const lookingAgain = setInterval(() => void look(), LOOK_MS);
  void look();
  return { failed, stop: () => clearInterval(lookingAgain) };
}
