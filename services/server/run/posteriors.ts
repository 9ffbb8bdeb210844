// What the old encoder says of each user: filled by the decoder pass for the next round, or by a posterior pass. Valid
// for one round and one row.
import { joined } from "../../../shared/compute/pieces.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import type { Weights } from "../../../shared/neural/parameters.ts";

/** Rows that are added at a time: whoever doubles an array holds both for a while, and leaves one behind. */
const BLOCK = 1024;

/** One row a user, in order of arrival. A round's are cleared, not thrown away: the next has about as many. */
export class Posteriors {
  readonly #latent: number;
  /** Row of each user. */
  readonly #rows = new Map<number, number>();
  #users = new Int32Array(0);
  /** Items of the user's row when it was computed; rows only grow, so an equal length is an equal row. */
  #items = new Int32Array(0);
  /** Blocks of rows, each [BLOCK x latent]. */
  readonly #mu: Float32Array[] = [];
  readonly #logvar: Float32Array[] = [];

  constructor(latent: number) {
    this.#latent = latent;
  }

  /** Knows nobody, and keeps the room. */
  clear(): void {
    this.#rows.clear();
  }

  /** Keeps a copy of the rows of `mu` and `logvar`, [users x latent]. */
  set(users: ArrayLike<number>, items: (user: number) => number, mu: Float32Array, logvar: Float32Array): void {
    this.#makeRoom(this.#rows.size + users.length);
    for (let k = 0; k < users.length; k++) {
      const user = users[k]!;
      const row = this.#rows.get(user) ?? this.#rows.size;
      const [from, to] = [k * this.#latent, (k + 1) * this.#latent];
      this.#rows.set(user, row);
      this.#users[row] = user;
      this.#items[row] = items(user);
      this.#row(this.#mu, row).set(mu.subarray(from, to));
      this.#row(this.#logvar, row).set(logvar.subarray(from, to));
    }
  }

  has(user: number, items: number): boolean {
    const row = this.#rows.get(user);
    return row !== undefined && this.#items[row] === items;
  }

  /** Both as [users x latent]. */
  of(users: ArrayLike<number>): { mu: Float32Array; logvar: Float32Array } {
    const mu = new Float32Array(users.length * this.#latent);
    const logvar = new Float32Array(mu.length);
    for (let k = 0; k < users.length; k++) {
      const row = this.#rows.get(users[k]!);
      if (row === undefined) throw new Error(`no old posterior of user ${users[k]}`);
      mu.set(this.#row(this.#mu, row), k * this.#latent);
      logvar.set(this.#row(this.#logvar, row), k * this.#latent);
    }
    return { mu, logvar };
  }

  /** As tensors of a checkpoint, not copied: recomputing them after a restart could differ in the last bit. */
  state(): Weights {
    const { size } = this.#rows;
    const latent = this.#latent;
    const rows = (blocks: readonly Float32Array[]) => {
      const pieces = blocks.map((block, k) => block.subarray(0, Math.max(0, size - k * BLOCK) * latent));
      return {
        shape: [size, latent],
        pieces,
        get data() {
          return joined(new Float32Array(size * latent), pieces);
        },
      };
    };
    return {
      "posterior.users": wholeNumbers(this.#users.subarray(0, size)),
      "posterior.items": wholeNumbers(this.#items.subarray(0, size)),
      "posterior.mu": rows(this.#mu),
      "posterior.logvar": rows(this.#logvar),
    };
  }

  static from(state: Weights, latent: number): Posteriors {
    const [users, items, mu, logvar] = ["users", "items", "mu", "logvar"].map(
      (name) => state[`posterior.${name}`]?.data,
    );
    if (
      !users ||
      !items ||
      !mu ||
      !logvar ||
      users.length !== items.length ||
      mu.length !== users.length * latent ||
      logvar.length !== mu.length
    )
      throw new AppError("CHECKPOINT_CORRUPT", { what: "the old posteriors do not fit" });
    const posteriors = new Posteriors(latent);
    const rows = readWholeNumbers(items);
    const counts = new Map([...readWholeNumbers(users)].map((user, k) => [user, rows[k]!]));
    posteriors.set(readWholeNumbers(users), (user) => counts.get(user)!, mu, logvar);
    return posteriors;
  }

  #row(blocks: readonly Float32Array[], row: number): Float32Array {
    const from = (row % BLOCK) * this.#latent;
    return blocks[Math.floor(row / BLOCK)]!.subarray(from, from + this.#latent);
  }

  #makeRoom(users: number): void {
    while (this.#mu.length * BLOCK < users)
      for (const blocks of [this.#mu, this.#logvar]) blocks.push(new Float32Array(BLOCK * this.#latent));
    if (users <= this.#users.length) return;
    const larger = (old: Int32Array) => {
      const fresh = new Int32Array(this.#mu.length * BLOCK);
      fresh.set(old);
      return fresh;
    };
    this.#users = larger(this.#users);
    this.#items = larger(this.#items);
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
