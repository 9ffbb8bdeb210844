// How large gradients and updates are, for alerts: of one update in so many of each Adam, read from its moments, so
// that no weight changes by a bit. Around updater.ts's updates.
import type { Rate } from "../../../shared/compute/kernels/kernels.ts";
import type { Table } from "../../../shared/compute/kernels/table.ts";

export type Adam = "encoder" | "decoder";

/** Euclidean norms over all tensors of an Adam. */
export interface Norm {
  readonly gradient: number;
  readonly update: number;
}

/** Three passes over moments, a tenth of a step's Adam, shared by as many updates. */
const EVERY = 20;
/** 1 - beta2: what of a gradient's square goes into its moment. */
const REST = 0.001;

export class Norms {
  readonly latest: Partial<Record<Adam, Norm>> = {};

  /** Runs `update`, number `rate.t` of its Adam, and measures it when it is its turn. */
  around(adam: Adam, tables: readonly Pick<Table, "measure">[], rate: Rate, update: () => void): void {
    const isDue = rate.t % EVERY === 1;
    const before = isDue ? tables.map((table) => table.measure().squares) : [];
    update();
    if (!isDue) return;
    const after = tables.map((table) => table.measure(rate));
    // v' = .999 v + .001 g², so g² follows from both sums
    const squares = after.reduce((sum, { squares }, k) => sum + (squares - (1 - REST) * before[k]!) / REST, 0);
    const way = after.reduce((sum, each) => sum + each.way, 0);
    this.latest[adam] = { gradient: Math.sqrt(Math.max(0, squares)), update: Math.sqrt(way) };
  }

  /**
   * Over both Adams, each as last measured; null before the first update, and in local mode, where trainers have Adams
   * of their own.
   */
  total(): Norm | { readonly gradient: null; readonly update: null } {
    const all = Object.values(this.latest);
    if (all.length === 0) return { gradient: null, update: null };
    return {
      gradient: Math.hypot(...all.map(({ gradient }) => gradient)),
      update: Math.hypot(...all.map(({ update }) => update)),
    };
  }
}
