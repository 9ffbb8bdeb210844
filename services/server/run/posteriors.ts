// What the old encoder says of each user: filled by the decoder pass for the next round, or by a posterior pass. Valid for one round and one row.
import { AppError } from "../../../shared/errors/errors.ts";
import type { Weights } from "../../../shared/neural/parameters.ts";

/** One row a user, in order of arrival, in arrays with room behind: a checkpoint takes them as they lie. */
export class Posteriors {
  readonly #latent: number;
  /** Row of each user. */
  readonly #rows = new Map<number, number>();
  #users = new Int32Array(0);
  /** Items of the user's row when it was computed; rows only grow, so an equal length is an equal row. */
  #items = new Int32Array(0);
  #mu_UL = new Float32Array(0);
  #logvar_UL = new Float32Array(0);

  constructor(latent: number) {
    this.#latent = latent;
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
      this.#mu_UL.set(mu.subarray(from, to), row * this.#latent);
      this.#logvar_UL.set(logvar.subarray(from, to), row * this.#latent);
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
      const [from, to] = [row * this.#latent, (row + 1) * this.#latent];
      mu.set(this.#mu_UL.subarray(from, to), k * this.#latent);
      logvar.set(this.#logvar_UL.subarray(from, to), k * this.#latent);
    }
    return { mu, logvar };
  }

  /** As tensors of a checkpoint, not copied: recomputing them after a restart could differ in the last bit. */
  state(): Weights {
    const { size } = this.#rows;
    const rows = (data: Float32Array) => ({ shape: [size, this.#latent], data: data.subarray(0, size * this.#latent) });
    return {
      "posterior.users": wholeNumbers(this.#users.subarray(0, size)),
      "posterior.items": wholeNumbers(this.#items.subarray(0, size)),
      "posterior.mu": rows(this.#mu_UL),
      "posterior.logvar": rows(this.#logvar_UL),
    };
  }

  static from(state: Weights, latent: number): Posteriors {
    const [users, items, mu, logvar] = ["users", "items", "mu", "logvar"].map((name) => state[`posterior.${name}`]?.data);
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

  #makeRoom(users: number): void {
    if (users <= this.#users.length) return;
    const room = Math.max(users, 2 * this.#users.length);
    const larger = <T extends Int32Array | Float32Array>(old: T, fresh: T): T => {
      fresh.set(old);
      return fresh;
    };
    this.#users = larger(this.#users, new Int32Array(room));
    this.#items = larger(this.#items, new Int32Array(room));
    this.#mu_UL = larger(this.#mu_UL, new Float32Array(room * this.#latent));
    this.#logvar_UL = larger(this.#logvar_UL, new Float32Array(room * this.#latent));
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
