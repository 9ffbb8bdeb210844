// What the old encoder says of each user: filled by the decoder pass for the next round, or by a posterior pass. Valid
// for one round and one row.
import type { Piece } from "../../../shared/checkpoints/pieces.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import type { Weights } from "../../../shared/neural/parameters.ts";

/**
 * Rows that are added at a time, and that are written at a time: so many as lie in memory of their own, which a thread
 * can read.
 */
const BLOCK = 8192;

interface Block {
  readonly users: Int32Array;
  /** Items of the user's row when it was computed; rows only grow, so an equal length is an equal row. */
  readonly items: Int32Array;
  /** [BLOCK x latent], both. */
  readonly mu: Float32Array;
  readonly logvar: Float32Array;
  /** Of the newest change. */
  revision: number;
  /** How many read it at the moment, beside us: then it stays as it is, and another takes its place. */
  readers: number;
}

const names = ["users", "items", "mu", "logvar"] as const;
const nameOf = (name: (typeof names)[number]) => `posterior.${name}`;

/** A piece of a checkpoint whose memory stays as it is until it is given back. */
export interface LentPiece extends Piece {
  readonly tensors: Weights;
  /** What it returns gives it back. */
  lend(): () => void;
}

/** One row a user, in order of arrival. A round's are cleared, not thrown away: the next has about as many. */
export class Posteriors {
  readonly #latent: number;
  /** Row of each user. */
  readonly #rows = new Map<number, number>();
  readonly #blocks: Block[] = [];
  /** Changes so far. */
  #revision = 0;

  constructor(latent: number) {
    this.#latent = latent;
  }

  /** Knows nobody, and keeps the room. */
  clear(): void {
    this.#rows.clear();
  }

  /** Keeps a copy of the rows of `mu` and `logvar`, [users x latent]. */
  set(users: ArrayLike<number>, items: (user: number) => number, mu: Float32Array, logvar: Float32Array): void {
    this.#revision++;
    for (let k = 0; k < users.length; k++) {
      const user = users[k]!;
      const row = this.#rows.get(user) ?? this.#rows.size;
      const [from, to] = [k * this.#latent, (k + 1) * this.#latent];
      this.#rows.set(user, row);
      const block = this.#toChange(Math.floor(row / BLOCK));
      const at = row % BLOCK;
      block.users[at] = user;
      block.items[at] = items(user);
      block.mu.set(mu.subarray(from, to), at * this.#latent);
      block.logvar.set(logvar.subarray(from, to), at * this.#latent);
    }
  }

  has(user: number, items: number): boolean {
    const row = this.#rows.get(user);
    return row !== undefined && this.#blocks[Math.floor(row / BLOCK)]!.items[row % BLOCK] === items;
  }

  /** Both as [users x latent]. */
  of(users: ArrayLike<number>): { mu: Float32Array; logvar: Float32Array } {
    const mu = new Float32Array(users.length * this.#latent);
    const logvar = new Float32Array(mu.length);
    for (let k = 0; k < users.length; k++) {
      const row = this.#rows.get(users[k]!);
      if (row === undefined) throw new Error(`no old posterior of user ${users[k]}`);
      const block = this.#blocks[Math.floor(row / BLOCK)]!;
      const [from, to] = [(row % BLOCK) * this.#latent, ((row % BLOCK) + 1) * this.#latent];
      mu.set(block.mu.subarray(from, to), k * this.#latent);
      logvar.set(block.logvar.subarray(from, to), k * this.#latent);
    }
    return { mu, logvar };
  }

  /**
   * As pieces of a checkpoint, a block each, not copied: recomputing them after a restart could differ in the last bit.
   */
  pieces(): LentPiece[] {
    const { size } = this.#rows;
    return this.#blocks.slice(0, Math.ceil(size / BLOCK)).map((block, k) => {
      const rows = Math.min(BLOCK, size - k * BLOCK);
      const matrix = (data: Float32Array) => ({
        shape: [rows, this.#latent],
        data: data.subarray(0, rows * this.#latent),
      });
      return {
        name: `posteriors.${k}`,
        revision: block.revision,
        tensors: {
          [nameOf("users")]: wholeNumbers(block.users.subarray(0, rows)),
          [nameOf("items")]: wholeNumbers(block.items.subarray(0, rows)),
          [nameOf("mu")]: matrix(block.mu),
          [nameOf("logvar")]: matrix(block.logvar),
        },
        lend: () => {
          block.readers++;
          return () => {
            block.readers--;
          };
        },
      };
    });
  }

  /** Of a checkpoint's state; where it has none of them, nobody is known. Throws CHECKPOINT_CORRUPT. */
  static from(state: Weights, latent: number): Posteriors {
    const posteriors = new Posteriors(latent);
    const [users, items, mu, logvar] = names.map((name) => {
      const tensor = state[nameOf(name)];
      return tensor && (tensor.pieces ?? [tensor.data]);
    });
    if (!users && !items && !mu && !logvar) return posteriors;
    const corrupt = () => new AppError("CHECKPOINT_CORRUPT", { what: "the old posteriors do not fit" });
    if (!users || !items || !mu || !logvar) throw corrupt();
    users.forEach((piece, k) => {
      const [numbers, counts] = [readWholeNumbers(piece), readWholeNumbers(items[k] ?? new Float32Array(0))];
      const [means, logs] = [mu[k], logvar[k]];
      const floats = numbers.length * latent;
      if (counts.length !== numbers.length || means?.length !== floats || logs?.length !== floats) throw corrupt();
      posteriors.#take({ users: numbers, items: counts, mu: means, logvar: logs, revision: 0, readers: 0 });
    });
    return posteriors;
  }

  /** A whole block is taken as it lies there; rows of any other number are copied. */
  #take(block: Block): void {
    const { users, items, mu, logvar } = block;
    const isWhole = users.length === BLOCK && this.#rows.size % BLOCK === 0 && mu.buffer instanceof SharedArrayBuffer;
    if (!isWhole) {
      const counts = new Map(Array.from(users, (user, k) => [user, items[k]!]));
      this.set(users, (user) => counts.get(user)!, mu, logvar);
      return;
    }
    this.#blocks.push({ ...block, revision: ++this.#revision });
    for (const user of users) this.#rows.set(user, this.#rows.size);
  }

  /** The block of a number, for rows to be written. */
  #toChange(number: number): Block {
    const before = this.#blocks[number];
    const block = before && before.readers === 0 ? before : this.#room(before);
    this.#blocks[number] = block;
    block.revision = this.#revision;
    return block;
  }

  /** A new block, with the rows of another one; what nothing was written to takes none of the machine's memory. */
  #room(from: Block | undefined): Block {
    const floats = new SharedArrayBuffer(4 * BLOCK * (2 + 2 * this.#latent));
    const [wide, at] = [BLOCK * this.#latent, (k: number) => 4 * BLOCK * k];
    const block: Block = {
      users: new Int32Array(floats, at(0), BLOCK),
      items: new Int32Array(floats, at(1), BLOCK),
      mu: new Float32Array(floats, at(2), wide),
      logvar: new Float32Array(floats, at(2 + this.#latent), wide),
      revision: this.#revision,
      readers: 0,
    };
    if (from) for (const name of names) block[name].set(from[name]);
    return block;
  }
}

/** Whole numbers as a tensor: they keep their bits in float32's place. */
export function wholeNumbers(values: Int32Array | Uint32Array): Weights[string] {
  return { shape: [values.length], data: new Float32Array(values.buffer, values.byteOffset, values.length) };
}

/** Back from `wholeNumbers`. */
export function readWholeNumbers(data: Float32Array): Int32Array {
  return new Int32Array(data.buffer, data.byteOffset, data.length);
}
