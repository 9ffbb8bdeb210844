// The way from the client's thread to thread.ts: messages handed over without a copy, and a bound on how many bytes may
// be on their way.
import { Worker } from "node:worker_threads";
import { failure } from "../../shared/errors/failure.ts";
import { errorOf, type PlainError } from "../../shared/errors/thread-errors.ts";
import type { ShapeText } from "../../shared/events/shape/shape.ts";
import type { Fetched, Reading } from "../../shared/kafka/port.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import type { News } from "./news.ts";
import type { Limits } from "./sealer.ts";
import type { Seen } from "./seen.ts";

export interface ThreadSettings {
  readonly tableDir: string;
  readonly deadLettersDir: string;
  /** A folder of this machine. */
  readonly inWorkDir: string;
  readonly limits: Limits;
  readonly stopOnBadEvent: boolean;
  readonly stopOnLost: boolean;
  readonly stopOnNewTopic: boolean;
  readonly retryMs: number;
}

type OfTopic = { readonly topic: string } & (
  | {
      readonly type: "open";
      readonly ends: ReadonlyMap<number, number> | null;
      readonly shape: ShapeText | null;
      readonly takesPrints: boolean;
    }
  | {
      readonly type: "assigned";
      readonly partitions: readonly number[];
      readonly generation: number;
      readonly seen: Seen;
    }
  | { readonly type: "fetched"; readonly batch: Fetched; readonly bytes: number }
  | { readonly type: "rebalancing" }
  | { readonly type: "recheck" }
  | { readonly type: "asking" }
  | { readonly type: "answered"; readonly seen: Seen }
);

export type ToThread =
  | OfTopic
  | { readonly type: "looked"; readonly question: number; readonly seen: Seen | null }
  | { readonly type: "printed"; readonly question: number; readonly print: number | null | undefined }
  | { readonly type: "drain"; readonly patienceMs: number };

/** `answer`: to `assigned`, the offsets to start at. */
type FromTopic = { readonly topic: string } & (
  | { readonly type: "answer"; readonly starts: ReadonlyMap<number, number> }
  | { readonly type: "news"; readonly news: News }
  | { readonly type: "committed"; readonly next: ReadonlyMap<number, number> }
  | { readonly type: "reassign" }
  /** What does the topic hold now? A question with a number of its own. */
  | { readonly type: "look"; readonly question: number }
  /** What is the fingerprint of this message now? */
  | { readonly type: "print"; readonly question: number; readonly partition: number; readonly offset: number }
  | { readonly type: "ended" }
);

export type FromThread =
  | FromTopic
  | { readonly type: "ready" }
  | { readonly type: "drained" }
  /** So many bytes are no longer on their way. */
  | { readonly type: "taken"; readonly bytes: number }
  | { readonly type: "failed"; readonly error: PlainError };

export interface PipelineSettings extends ThreadSettings {
  /** Bytes on their way above which a partition is paused. */
  readonly bytesUnderWay: number;
  /** Of the thread's heap. */
  readonly heapMegabytes: number;
  /** Ends the wait for tables that are away. */
  readonly signal?: AbortSignal;
  look(topic: string): Promise<Seen>;
  /** Null where there is no such message, or none any more. */
  printAt(topic: string, partition: number, offset: number): Promise<number | null>;
  hear(news: News, topic: string): void;
  reassign(topic: string): void;
  committed(next: ReadonlyMap<number, number>, topic: string): void;
}

export interface Way extends Pick<Reading, "assigned" | "fetched" | "rebalancing"> {
  /** Partitions that wait for room. */
  readonly paused: ReadonlySet<number>;
  /** The topic may not hold any more what comes next. */
  recheck(): void;
  /** Kafka is asked what the topic is now. */
  asking(): void;
  /** Its answer. */
  answered(seen: Seen): void;
}

export interface Pipeline {
  /**
   * The way of a topic's messages. Reading stops at `ends`, by partition; null: never. `shape`: how events stand in
   * them; null: as ours do. `takesPrints`: the topic is known again by its messages, with the key beside each.
   */
  open(topic: string, ends: ReadonlyMap<number, number> | null, shape: ShapeText | null, takesPrints?: boolean): Way;
  /** Every end that was asked for is in the table. */
  readonly ended: Promise<void>;
  /** Rejects when the thread cannot go on. */
  readonly failed: Promise<never>;
  drain(patienceMs: number): Promise<void>;
  close(): Promise<void>;
}

export async function openPipeline(settings: PipelineSettings): Promise<Pipeline> {
  const { bytesUnderWay, heapMegabytes, signal, look, printAt, hear, reassign, committed, ...rest } = settings;
  const worker = new Worker(new URL("../../shared/runtime/thread.mjs", import.meta.url), {
    workerData: { module: new URL("./thread.ts", import.meta.url).href, settings: rest satisfies ThreadSettings },
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
    execArgv: [],
  });
  let underWay = 0;
  let closing = false;
  const { failed, fail } = failure();
  const answers = new Map<string, ReturnType<typeof queue<ReadonlyMap<number, number>>>>();
  const [ready, drained, room] = [queue<void>(), queue<void>(), queue<void>()];
  /** Topics whose end was asked for, and is not reached yet. */
  const going = new Set<string>();
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });

  worker.on("message", (message: FromThread) => {
    switch (message.type) {
      case "ready":
        return ready.give();
      case "drained":
        return drained.give();
      case "answer":
        return answers.get(message.topic)?.give(message.starts);
      case "taken":
        underWay -= message.bytes;
        return room.give();
      case "news":
        return hear(message.news, message.topic);
      case "committed":
        return committed(message.next, message.topic);
      case "reassign":
        return reassign(message.topic);
      case "look":
        return void soon(look(message.topic)).then((seen) => post({ ...message, type: "looked", seen }));
      case "print": {
        const { topic, partition, offset, question } = message;
        return void soon(printAt(topic, partition, offset).then((print) => ({ print }))).then((found) =>
          post({ type: "printed", question, print: found?.print }),
        );
      }
      case "ended":
        going.delete(message.topic);
        return going.size === 0 ? end() : undefined;
      case "failed":
        return fail(errorOf(message.error));
    }
  });
  worker.on("error", fail);
  worker.on("exit", (code) => {
    if (!closing) fail(new Error(`the writing thread ended with code ${code}`));
  });
  const orFailure = <T>(promise: Promise<T>) => Promise.race([promise, failed]);
  const post = (message: ToThread, transfer: ArrayBuffer[] = []) => worker.postMessage(message, transfer);

  /** Null where Kafka is away, or the topic is. */
  async function thereNow(topic: string): Promise<Seen | null> {
    const seen = await soon(look(topic));
    return seen?.isAbsent ? null : seen;
  }

  function open(
    topic: string,
    ends: ReadonlyMap<number, number> | null,
    shape: ShapeText | null,
    takesPrints = false,
  ): Way {
    const paused = new Set<number>();
    const starts = queue<ReadonlyMap<number, number>>();
    answers.set(topic, starts);
    if (ends !== null) going.add(topic);
    post({ type: "open", topic, ends, shape, takesPrints });
    return {
      paused,
      assigned: async (partitions, generation) => {
        let seen = await thereNow(topic);
        for (; seen === null && !closing; seen = await thereNow(topic)) await sleep(RETRY_MS);
        if (seen === null) return new Map();
        post({ type: "assigned", topic, partitions, generation, seen });
        return orFailure(starts.next());
      },
      fetched: async (batch) => {
        const bytes = bytesOf(batch);
        while (underWay > 0 && underWay + bytes > bytesUnderWay) {
          paused.add(batch.partition);
          await orFailure(room.next());
        }
        paused.delete(batch.partition);
        underWay += bytes;
        post(
          { type: "fetched", topic, batch, bytes },
          arraysOf(batch).map(({ buffer }) => buffer as ArrayBuffer),
        );
      },
      rebalancing: () => post({ type: "rebalancing", topic }),
      recheck: () => post({ type: "recheck", topic }),
      asking: () => post({ type: "asking", topic }),
      answered: (seen) => post({ type: "answered", topic, seen }),
    };
  }

  const over = () => fail(signal?.reason);
  signal?.addEventListener("abort", over, { once: true }); // the tables may be away, and are waited for
  try {
    signal?.throwIfAborted();
    await orFailure(ready.next());
  } catch (error) {
    closing = true;
    await worker.terminate();
    throw error;
  } finally {
    signal?.removeEventListener("abort", over);
  }
  return {
    open,
    ended,
    failed,
    drain: async (patienceMs) => {
      post({ type: "drain", patienceMs });
      await orFailure(drained.next());
    },
    close: async () => {
      closing = true;
      await worker.terminate();
    },
  };
}

const RETRY_MS = 500;
const SOON_MS = 5000;

/** Null where Kafka does not answer. */
const soon = <T>(asked: Promise<T>): Promise<T | null> =>
  Promise.race([
    asked.catch(() => null),
    new Promise<null>((resolve) => setTimeout(() => resolve(null), SOON_MS).unref()),
  ]);

const arraysOf = ({ messages: { offsets, arrivedAt, lengths, values, beside } }: Fetched) => [
  ...[offsets, arrivedAt, lengths, values],
  ...beside.flatMap((each) => [each.lengths, each.bytes]),
];
const bytesOf = (batch: Fetched): number => arraysOf(batch).reduce((sum, { byteLength }) => sum + byteLength, 0);

/** Those who wait are served in the order in which they came; what is given while nobody waits is lost. */
function queue<T>() {
  const waiting: ((value: T) => void)[] = [];
  return {
    next: () => new Promise<T>((resolve) => waiting.push(resolve)),
    give: (value: T) => waiting.shift()?.(value),
  };
}
