// What the fit of a solved system will take of memory, said before it starts. Pure. Shapes: U users, I items, K factors.
import { mustHaveRoom } from "../../../shared/runtime/memory.ts";
import type { ConfigOf, SolvedName } from "../../../shared/systems/systems.ts";

export interface Size {
  readonly users: number;
  /** Pairs of a user and an item. */
  readonly interactions: number;
  /** Users of the item, or items of the user, that has most. */
  readonly longest: number;
  readonly threads: number;
}

/** Measured: the process with its code, what it keeps of reading a pair (rows by user and by item too), a thread, TensorFlow's library. */
const PROCESS = 200e6;
const PAIR = 60;
const THREAD = 60e6;
const TENSORFLOW = 300e6;

const needs: { readonly [N in SolvedName]: (config: ConfigOf<N>, size: Size) => number } = {
  // X'X as float32, half of it in blocks of float64, and as much again that the allocator holds between blocks: 5.6 GB were measured at 20,108 items, 9.5 M pairs
  ease: ({ items }) => TENSORFLOW + 12 * items ** 2,
  slim: ({ items }) => 4 * items ** 2,
  wmf: alternating,
  ials: alternating,
  popularity: ({ items }) => 8 * items,
};

/** Factors of both sides, sums of their products in parts, three models as float32, and a thread's copy of the longest row's neighbours. */
function alternating({ items, factors }: ConfigOf<"wmf" | "ials">, { users, longest, threads }: Size): number {
  return 8 * (users + items) * factors + 80 * factors ** 2 + 12 * items * factors + 8 * threads * longest * factors;
}

/** Bytes, roughly. */
function memoryNeeded<N extends SolvedName>(model: N, config: ConfigOf<N>, size: Size): number {
  return PROCESS + PAIR * size.interactions + THREAD * size.threads + needs[model](config, size);
}

/** Throws DATA_TOO_LARGE. `limit`: bytes that this process may have. */
export function mustFitMemory<N extends SolvedName>(model: N, config: ConfigOf<N>, size: Size, limit: number): void {
  const data = `${config.items} items and ${size.interactions} interactions`;
  mustHaveRoom({ model, data }, memoryNeeded(model, config, size), limit);
}
