// What a rule may find: a problem, by its code for good, with the numbers that it was found by. Whoever reads it gets
// its sentence from views/problems.ts.
import type { Staleness } from "../facts/staleness.ts";

/** The boxes of the flow strip, in order. */
export const boxes = [
  "events",
  "waiting",
  "files",
  "batches",
  "training",
  "checkpoint",
  "quality",
  "requests",
] as const;
export type BoxId = (typeof boxes)[number];

/** Every code, and the box of the flow strip that it colours. */
export const boxOf = {
  REPLAY_WAITS: "events",
  REPLAY_ENDS: "events",
  REPLAY_GAVE_UP: "events",
  INGEST_MISSING: "waiting",
  INGEST_SILENT: "waiting",
  INGEST_STALLED: "waiting",
  INGEST_BEHIND: "waiting",
  INGEST_NO_KAFKA: "waiting",
  INGEST_ENDS: "waiting",
  INGEST_GAVE_UP: "waiting",
  INGEST_NO_COMMIT: "files",
  INGEST_LOST: "files",
  INGEST_REJECTS: "files",
  TRAINER_MISSING: "batches",
  TRAINER_SILENT: "batches",
  TRAINER_PARTIAL: "batches",
  TRAINER_SUSPECT: "batches",
  TRAINER_CLOGGED: "batches",
  TRAINER_ENDS: "batches",
  TRAINER_GAVE_UP: "batches",
  SERVER_MISSING: "training",
  SERVER_SILENT: "training",
  SERVER_WAITS: "training",
  SERVER_STALLED: "training",
  SERVER_ENDS: "training",
  SERVER_GAVE_UP: "training",
  SERVER_NOT_SAVED: "checkpoint",
  SERVER_OLD: "checkpoint",
  SERVER_STALE: "checkpoint",
  EVALUATOR_MISSING: "quality",
  EVALUATOR_SILENT: "quality",
  EVALUATOR_WAITS: "quality",
  EVALUATOR_REFUSED: "quality",
  EVALUATOR_PINNED: "quality",
  EVALUATOR_BEHIND: "quality",
  EVALUATOR_ENDS: "quality",
  EVALUATOR_GAVE_UP: "quality",
  SERVE_MISSING: "requests",
  SERVE_SILENT: "requests",
  SERVE_ERRORS: "requests",
  SERVE_ALONE: "requests",
  SERVE_LATE: "requests",
  SERVE_ENDS: "requests",
  SERVE_GAVE_UP: "requests",
} as const satisfies Record<string, BoxId>;
export type Code = keyof typeof boxOf;

/** Whose trouble a box shows. */
export const serviceOf: Record<BoxId, string> = {
  events: "replay",
  waiting: "ingest",
  files: "ingest",
  batches: "trainer",
  training: "server",
  checkpoint: "server",
  quality: "evaluator",
  requests: "serve",
};

/** Those that `up` keeps running and that have a box. */
export type Supervised = "replay" | "Kafka" | "ingest" | "trainer" | "server" | "evaluator" | "serve";

/** By how a code ends; `why` is what somebody else said of it, null for nothing. */
interface ByEnd {
  readonly MISSING: object;
  /** Seconds since its last answer. */
  readonly SILENT: { readonly seconds: number; readonly pid: number };
  readonly WAITS: { readonly why: string };
  readonly ENDS: {
    readonly who: Supervised;
    readonly deaths: number | null;
    readonly seconds: number | null;
    readonly why: string | null;
  };
  readonly GAVE_UP: { readonly who: Supervised; readonly why: string | null };
}

/** Of codes that have numbers of their own. */
interface Own {
  /** `messages` that wait, as of the two below. */
  readonly INGEST_STALLED: {
    readonly by: string | null;
    readonly why: string | null;
    readonly messages: number | null;
  };
  readonly INGEST_NO_COMMIT: { readonly seconds: number; readonly messages: number | null };
  readonly INGEST_BEHIND: { readonly seconds: number; readonly messages: number | null };
  readonly INGEST_NO_KAFKA: ByEnd["ENDS"];
  readonly INGEST_LOST: { readonly lost: number | null };
  readonly INGEST_REJECTS: { readonly share: number; readonly dead: number | null };
  /** The server's own advice, with its address. */
  readonly TRAINER_MISSING: { readonly hint: string | null };
  readonly TRAINER_SILENT: { readonly silent: number; readonly all: number };
  readonly TRAINER_PARTIAL: { readonly connected: number; readonly expected: number };
  readonly TRAINER_SUSPECT: { readonly trainers: readonly Named[] };
  readonly TRAINER_CLOGGED: { readonly trainers: readonly Named[] };
  readonly SERVER_STALLED: { readonly seconds: number; readonly trainers: number };
  readonly SERVER_NOT_SAVED: { readonly why: string };
  readonly SERVER_OLD: { readonly seconds: number };
  readonly SERVER_STALE: Staleness;
  readonly EVALUATOR_REFUSED: {
    readonly round: number | null;
    readonly why: string | null;
    readonly ndcg: number | null;
    readonly isInUse: boolean;
  };
  readonly EVALUATOR_PINNED: { readonly version: string };
  readonly EVALUATOR_BEHIND: { readonly round: number; readonly seconds: number };
  readonly SERVE_ERRORS: { readonly share: number };
  /** `why` is its own sentence. */
  readonly SERVE_ALONE: { readonly why: string | null };
  readonly SERVE_LATE: { readonly seconds: number };
}

interface Named {
  readonly name: string | null;
  readonly id: string | null;
}

export type Numbers<C extends Code> = C extends keyof Own
  ? Own[C]
  : C extends `${string}_${infer End extends keyof ByEnd}`
    ? ByEnd[End]
    : never;

export type Level = "amber" | "red";
export type Problem = {
  readonly [C in Code]: { readonly code: C; readonly level: Level; readonly numbers: Numbers<C> };
}[Code];

/** What stands first: the first that is red, of none the first. */
export const worstOf = <P extends { readonly level: Level }>(problems: readonly P[]): P | undefined =>
  problems.find(({ level }) => level === "red") ?? problems[0];
