// Where the weights and their moments live: tables in the kernels' memories, one beside another where one does not
// reach. Below store.ts.
import type { Kernels, Moving } from "../../../shared/compute/kernels/kernels.ts";
import { rowsOfSegment, Table } from "../../../shared/compute/kernels/table.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import { allShapesOf, decoderItems, embeddingOf, userName, type Weights } from "../../../shared/neural/parameters.ts";
import { bagWidth, decoderWidth, type Recipe } from "../../../shared/neural/recipe.ts";

/** Names in a checkpoint. */
const moments = [
  ["m", "adam_m."],
  ["v", "adam_v."],
] as const;
const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

export class Residence {
  readonly weights: Weights;
  readonly #tables: ReadonlyMap<string, Table>;
  /** Where the hidden layers, the decoder's first rows and the answers of a step lie. */
  readonly home: Kernels;
  /** Bytes in use there without answers. */
  readonly #resident: number;
  /** Answers that the home has no room for. */
  #elsewhere: Float32Array[] = [];

  /** Copies the weights. `segmentBytes`: see table.ts. Throws MODEL_TOO_LARGE. */
  constructor(home: Kernels, config: Recipe, from: Weights, segmentBytes: number) {
    this.home = home;
    // The embedding and the users' vectors have memories of their own: they take the same room at every size, and so
    // does the decoder's first segment at home.
    const [ofEmbedding, ofUsers, ofDecoder] = [memories(home), memories(home), memories(home, home)];
    const rowsOfBag = rowsOfSegment(bagWidth(config), segmentBytes);
    const { weight, bias } = decoderItems(config);
    const tableOf = (name: string, shape: readonly number[]): Table => {
      if (name === embeddingOf(config)) return new Table(shape, rowsOfBag, ofEmbedding);
      if (name === userName) return new Table(shape, rowsOfBag, ofUsers);
      if (name === weight || name === bias)
        return new Table(shape, rowsOfSegment(decoderWidth(config) + 1, segmentBytes), ofDecoder);
      return new Table(shape, shape[0]!, () => home);
    };
    this.#tables = new Map(allShapesOf(config).map(([name, shape]) => [name, tableOf(name, shape)]));
    this.#resident = home.memory.used;
    this.weights = this.#named("weights", "");
    for (const [name, table] of this.#tables) table.set("weights", from[name]!.data);
  }

  table(name: string): Table {
    return this.#tables.get(name)!;
  }

  state(): Weights {
    return Object.assign({}, ...moments.map(([which, prefix]) => this.#named(which, prefix)));
  }

  /** The moments of an earlier `state()`. Throws CHECKPOINT_CORRUPT. */
  restore(state: Weights): void {
    for (const [which, prefix] of moments)
      for (const [name, table] of this.#tables) {
        const saved = state[prefix + name]?.data;
        if (saved?.length !== sizeOf(table.tensor(which).shape))
          throw new AppError("CHECKPOINT_CORRUPT", { what: `Adam's state ${prefix}${name} does not fit` });
        table.set(which, saved);
      }
  }

  /** Name of the first weight or moment that holds a NaN or an infinity. */
  findNonFinite(): string | undefined {
    for (const [which, prefix] of [["weights", ""], ...moments] as const)
      for (const [name, table] of this.#tables) if (!table.finite(which)) return prefix + name;
    return undefined;
  }

  /**
   * Room for the answers of a step's parts, `floats` each; the room of the step before is given up. At home, where they
   * are added up where they lie, as long as they fit. Not to be called while memory is borrowed.
   */
  answers(parts: number, floats: number): Float32Array[] {
    const { memory } = this.home;
    memory.clear(this.#resident);
    if (4 * parts * floats <= memory.left) {
      const room = memory.floats(parts * floats);
      return Array.from({ length: parts }, (_, part) => room.subarray(part * floats, (part + 1) * floats));
    }
    if (this.#elsewhere.length < parts || this.#elsewhere[0]!.length < floats)
      this.#elsewhere = Array.from({ length: parts }, () => new Float32Array(floats));
    return this.#elsewhere.slice(0, parts);
  }

  /** Rows of 0 for new items. */
  grow(items: number, config: Recipe): void {
    for (const name of [embeddingOf(config), ...Object.values(decoderItems(config))]) this.table(name).grow(items);
  }

  #named(which: keyof Moving, prefix: string): Weights {
    return Object.fromEntries([...this.#tables].map(([name, table]) => [prefix + name, table.tensor(which)]));
  }
}

/** Kernels of each segment, made when the segment is. */
function memories(home: Kernels, ...given: Kernels[]): (segment: number) => Kernels {
  const all = given;
  return (segment) => (all[segment] ??= home.beside());
}
