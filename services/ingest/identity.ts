// Which of Kafka's topics it is that is read: the one that the tables know, or one that was made anew under its name.
// Asked when partitions are assigned, before each commit, and once a second of what is held.
import { AppError } from "../../shared/errors/errors.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { whyAnew } from "../../shared/table/progress.ts";
import type { DiskPatience } from "./disk-patience.ts";
import type { Held } from "./held.ts";
import type { Seen } from "./seen.ts";
import type { Writer } from "./writer.ts";

export interface Identity {
  /**
   * How far the tables are in the topic that is there now, whose next epoch begins where it was made anew. By
   * `partitions` it is known again where Kafka tells no ids. Throws OFFSETS_LOST.
   */
  progressIn(seen: Seen, partitions: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /**
   * Whether what is held is of the topic that the tables know. Asked after it was fetched: a topic that was made anew
   * answers at its offsets as if nothing had happened.
   */
  verdict(): Promise<"same" | "other" | "unknown">;
  /** Somebody begins to ask what the topic is now: what is held until here is that topic's, whichever it is. */
  asking(): void;
  /** The answer. So little is in doubt where the topic turns out to be another one. */
  answered(seen: Seen): void;
}

type Verdict = "same" | "unknown" | { readonly other: string };

interface Settings {
  readonly topic: string;
  /** Whether a topic that was made anew ends everything; otherwise its next epoch begins in the tables. */
  readonly stopOnNewTopic: boolean;
  /** What the topic holds now; null where Kafka does not answer. */
  look(): Promise<Seen | null>;
  /**
   * The fingerprint of the message at an offset now: null where there is none, or none any more; undefined where Kafka
   * does not answer.
   */
  printAt(partition: number, offset: number): Promise<number | null | undefined>;
  /** Between two questions while Kafka does not answer. */
  readonly retryMs: number;
  /** Another epoch begins. */
  begun(): void;
}

export function openIdentity(
  { topic, stopOnNewTopic, look, printAt, retryMs, begun }: Settings,
  { buffer }: Pick<Held, "buffer">,
  writer: Writer,
  disk: DiskPatience,
  log: Log,
): Identity {
  /** Of the topic that is read; null where Kafka does not tell. */
  let topicId: string | null = null;
  /** What was held when somebody began to ask. */
  let asked: ReturnType<typeof buffer.state> | undefined;
  const isSame = ({ id, isAbsent }: Seen) => isAbsent || topicId === null || id === null || id === topicId;

  /** Where Kafka's ids do not say it. */
  async function otherThan(id: string | null, partitions: readonly number[]): Promise<string | undefined> {
    if (id !== null && writer.id !== null) return undefined;
    const found = await byPrints(partitions);
    return typeof found === "string" ? undefined : found.other;
  }

  async function begin(id: string | null, anew: string): Promise<void> {
    await disk.writing(() => writer.begin(id));
    begun();
    log.warn({ topic, source: writer.source }, `${anew}; its next epoch begins, ${writer.source}`);
  }

  /** Until Kafka answers; undefined where there is no time to wait for it. */
  async function untilAnswered<T>(ask: () => Promise<T | undefined>): Promise<T | undefined> {
    for (;;) {
      const found = await ask();
      if (found !== undefined || disk.isEnding) return found;
      await sleep(retryMs);
    }
  }

  /**
   * By fingerprints: a sentence where it is another topic than the one that was read. A message that retention or
   * compaction took away contradicts nothing: then it is taken for the same.
   */
  async function byPrints(partitions: Iterable<number>): Promise<Verdict> {
    for (const partition of partitions) {
      const known = writer.lastMessage(partition);
      if (!known) continue;
      const { offset } = known;
      const found = await untilAnswered(() => printAt(partition, offset));
      if (found === undefined) return "unknown";
      if (found !== null && found !== known.print)
        return { other: `the topic was made anew: offset ${offset} of partition ${partition} holds another message` };
    }
    return "same";
  }

  async function progressIn({ id, bounds }: Seen, partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    for (;;) {
      const committed = await disk.reading(() => writer.refresh());
      const anew = whyAnew({ id, bounds }, { id: writer.id, committed }) ?? (await otherThan(id, partitions));
      if (anew !== undefined && stopOnNewTopic) throw new AppError("OFFSETS_LOST", { what: anew, topic });
      try {
        if (anew !== undefined) {
          await begin(id, anew);
          continue;
        }
        if (id !== null && writer.id === null) {
          if (committed.size === 0) writer.expect(id);
          else await disk.writing(() => writer.adopt(id));
        }
        topicId = id;
        buffer.source = writer.source;
        return committed;
      } catch (error) {
        if (!(error instanceof AppError && error.code === "WRITER_FENCED")) throw error; // another process was faster
      }
    }
  }

  async function verdict(): Promise<"same" | "other" | "unknown"> {
    if (topicId === null) {
      const found = await byPrints([...buffer.tallies.keys()]);
      return typeof found === "string" ? found : "other";
    }
    const seen = await untilAnswered(async () => (await look()) ?? undefined);
    if (seen === undefined) return "unknown";
    return isSame(seen) ? "same" : "other";
  }

  return {
    progressIn,
    verdict,
    asking: () => {
      asked = topicId === null || buffer.since === null ? undefined : buffer.state();
    },
    answered: (seen) => {
      if (asked && isSame(seen)) buffer.confirm(asked);
      asked = undefined;
    },
  };
}
