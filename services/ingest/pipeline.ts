// The way from the client's thread to thread.ts: messages handed over without a copy, and a bound on how many bytes may
// be on their way.
import { Worker } from "node:worker_threads";
import { failure } from "../../shared/errors/failure.ts";
import { errorOf, type PlainError } from "../../shared/errors/thread-errors.ts";
import type { ShapeText } from "../../shared/events/shape/shape.ts";
import type { Fetched, Reading } from "../../shared/kafka/client.ts";
import type { News } from "./news.ts";
import type { Limits } from "./sealer.ts";
import type { Seen } from "./seen.ts";

export interface ThreadSettings {
  readonly topic: string;
  readonly tableDir: string;
  readonly deadLettersDir: string;
  readonly limits: Limits;
  readonly stopOnBadEvent: boolean;
  readonly stopOnLost: boolean;
  readonly retryMs: number;
  readonly ends: ReadonlyMap<number, number> | null;
  /** How events stand in messages; null: as ours do. */
  readonly shape: ShapeText | null;
}

export type ToThread =
  | {
      readonly type: "assigned";
      readonly partitions: readonly number[];
      readonly generation: number;
      readonly seen: Seen;
    }
  | { readonly type: "fetched"; readonly batch: Fetched; readonly bytes: number }
  /** To the oldest `look` that has no answer yet. */
  | { readonly type: "looked"; readonly seen: Seen | null }
  | { readonly type: "rebalancing" }
  | { readonly type: "recheck" }
  | { readonly type: "drain"; readonly patienceMs: number };

export type FromThread =
  | { readonly type: "ready" }
  /** To the oldest question that has none yet: to `assigned` the offsets to start at. */
  | { readonly type: "answer"; readonly starts: ReadonlyMap<number, number> | null }
  /** So many bytes are no longer on their way. */
  | { readonly type: "taken"; readonly bytes: number }
  | { readonly type: "news"; readonly news: News }
  | { readonly type: "committed"; readonly next: ReadonlyMap<number, number> }
  | { readonly type: "reassign" }
  /** What does the topic hold now? */
  | { readonly type: "look" }
  | { readonly type: "ended" }
  | { readonly type: "failed"; readonly error: PlainError };

export interface PipelineSettings extends ThreadSettings {
  /** Bytes on their way above which a partition is paused. */
  readonly bytesUnderWay: number;
  /** Of the thread's heap. */
  readonly heapMegabytes: number;
  look(): Promise<Seen>;
  hear(news: News): void;
  reassign(): void;
  committed(next: ReadonlyMap<number, number>): void;
}

export interface Pipeline extends Pick<Reading, "assigned" | "fetched" | "rebalancing"> {
  /** Partitions that wait for room. */
  readonly paused: ReadonlySet<number>;
  /** Every end that was asked for is in the table. */
  readonly ended: Promise<void>;
  /** Rejects when the thread cannot go on. */
  readonly failed: Promise<never>;
  /** The topic may not hold any more what comes next. */
  recheck(): void;
  drain(patienceMs: number): Promise<void>;
  close(): Promise<void>;
}

export async function openPipeline(settings: PipelineSettings): Promise<Pipeline> {
  const { bytesUnderWay, heapMegabytes, look, hear, reassign, committed, ...rest } = settings;
  const worker = new Worker(new URL("../../shared/runtime/thread.mjs", import.meta.url), {
    workerData: { module: new URL("./thread.ts", import.meta.url).href, settings: rest satisfies ThreadSettings },
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
    execArgv: [],
  });
  const paused = new Set<number>();
  let underWay = 0;
  let closing = false;
  const { failed, fail } = failure();
  const answers = queue<ReadonlyMap<number, number> | null>();
  const ready = queue<void>();
  const room = queue<void>();
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });

  worker.on("message", (message: FromThread) => {
    switch (message.type) {
      case "ready":
        return ready.give();
      case "answer":
        return answers.give(message.starts);
      case "taken":
        underWay -= message.bytes;
        return room.give();
      case "news":
        return hear(message.news);
      case "committed":
        return committed(message.next);
      case "reassign":
        return reassign();
      case "look":
        return void soon(look()).then((seen) => post({ type: "looked", seen }));
      case "ended":
        return end();
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

  await orFailure(ready.next());
  return {
    paused,
    ended,
    failed,
    assigned: async (partitions, generation) => {
      let seen = await soon(look());
      for (; seen === null && !closing; seen = await soon(look())) await pause(RETRY_MS); // Kafka is away
      if (seen === null) return new Map();
      post({ type: "assigned", partitions, generation, seen });
      return (await orFailure(answers.next())) ?? new Map();
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
        { type: "fetched", batch, bytes },
        arraysOf(batch).map(({ buffer }) => buffer as ArrayBuffer),
      );
    },
    rebalancing: () => post({ type: "rebalancing" }),
    recheck: () => post({ type: "recheck" }),
    drain: async (patienceMs) => {
      post({ type: "drain", patienceMs });
      await orFailure(answers.next());
    },
    close: async () => {
      closing = true;
      await worker.terminate();
    },
  };
}

const RETRY_MS = 500;
const SOON_MS = 5000;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

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
