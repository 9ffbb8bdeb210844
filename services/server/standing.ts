// How the desk and the sockets stand, as progress.ts shows it: what desk.ts does not tell yet is zero or unknown here. Goes when DeskStatus has this shape.
import type { DeskStatus } from "./desk.ts";
import type { Peers } from "./peers.ts";

/** Seconds of a trainer since it joined, by what it did. */
export const activities = ["data", "compute", "push", "wait", "pull"] as const;
export type Seconds = Readonly<Record<(typeof activities)[number], number>>;

export const trainerStates = ["computing", "waiting", "suspect", "clogged"] as const;

export interface TrainerStanding {
  readonly parts: number;
  readonly late: number;
  readonly duplicate: number;
  readonly seconds: Seconds;
  readonly state: (typeof trainerStates)[number];
  /** Median of its newest parts, from lease to answer. */
  readonly partMs: number | null;
}

export interface DeskStanding {
  readonly parts: { readonly total: number; readonly leased: number; readonly done: number };
  /** How long a part of the open phase may take. */
  readonly deadlineMs: number | null;
  readonly contributions: Readonly<Record<"accepted" | "late" | "duplicate" | "expired" | "unasked" | "notFinite", number>>;
  readonly trainers: ReadonlyMap<string, TrainerStanding>;
  readonly lonely: boolean;
}

export function standingOf({ parts, contributed, late, lonely }: DeskStatus, peers: Peers): DeskStanding {
  const accepted = [...contributed.values()].reduce((sum, n) => sum + n, 0);
  const unknown = {
    late: 0,
    duplicate: 0,
    seconds: { data: 0, compute: 0, push: 0, wait: 0, pull: 0 },
    state: "waiting",
    partMs: null,
  } as const;
  return {
    parts,
    deadlineMs: null,
    contributions: { accepted, late, duplicate: 0, expired: 0, unasked: 0, notFinite: 0 },
    trainers: new Map(peers.list().map(({ id }) => [id, { ...unknown, parts: contributed.get(id) ?? 0 }])),
    lonely,
  };
}

export const rejectedBy = (peers: Peers & { readonly rejected?: number }): number => peers.rejected ?? 0;
