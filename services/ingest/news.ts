// What the thread that reads and writes tells the thread that faces the world: plain records, made by intake.ts and
// what it is made of, understood by progress.ts.
import type { DeadReason } from "../../shared/events/event.ts";
import type { ShapeText } from "../../shared/events/shape/shape.ts";
import type { Cause } from "./sealer.ts";

export interface TableFacts {
  readonly version: number;
  readonly files: number;
  readonly rows: number;
  /** Newest arrival that the table covers, ms since 1970; 0 when unknown. */
  readonly watermark: number;
  /** Entries and checkpoints of its log, about. */
  readonly logFiles: number;
  /** Enough small files have gathered to be merged. */
  readonly compactionDue: boolean;
}

/** What one commit brought of a partition. */
export interface Brought {
  readonly partition: number;
  readonly good: number;
  readonly dead: number;
  readonly filtered: number;
  readonly lost: number;
  /** Those of the filtered that the topic's map leaves out. */
  readonly leftOut: number;
  /** The offset after the last one. */
  readonly next: number;
  /** ms since 1970; 0 when nothing arrived. */
  readonly newestArrival: number;
}

export type News =
  | {
      readonly type: "shape";
      /** How the topic's messages are read; null: as events of ours. */
      readonly shape: ShapeText | null;
      /** When it took the place of another, of which earlier rows are, ms since 1970; null: it never did. */
      readonly changedAt: number | null;
      /** What it took the place of, in words, where this process did so. */
      readonly before: string | null;
    }
  | {
      readonly type: "assigned";
      /** How often the topic was made anew. */
      readonly epoch: number;
      readonly positions: ReadonlyMap<number, number>;
      readonly committed: ReadonlyMap<number, number>;
      readonly table: TableFacts;
    }
  | { readonly type: "read"; readonly partition: number; readonly offsets: number; readonly next: number }
  | { readonly type: "dropped"; readonly offsets: number; readonly fenced: boolean }
  | {
      readonly type: "wrote";
      readonly cause: Cause;
      readonly seconds: number;
      readonly brought: readonly Brought[];
      readonly dead: readonly { readonly partition: number; readonly reason: DeadReason; readonly count: number }[];
      readonly unknownFields: ReadonlyMap<string, number>;
      /** Of the file of events; null when the commit had none. */
      readonly file: { readonly rows: number; readonly bytes: number } | null;
      /** Arrivals of marked events that are in the table now, ms. */
      readonly marks: readonly number[];
      readonly table: TableFacts;
    }
  /** The disk refuses, or the schema registry is away, and why. */
  | { readonly type: "stalled"; readonly by?: "disk" | "registry"; readonly reason: string };
