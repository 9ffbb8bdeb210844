// What the old encoder says of each user: filled by the decoder pass for the next round, or by a posterior pass. Valid for one round and one row.
import type { Weights } from "../../shared/model/parameters.ts";
import { AppError } from "../../shared/runtime/errors.ts";

interface Entry {
  /** Items of the user's row when it was computed; rows only grow, so an equal length is an equal row. */
  readonly items: number;
  readonly mu_L: Float32Array;
  readonly logvar_L: Float32Array;
}

export class Posteriors {
  readonly #latent: number;
  readonly #entries = new Map<number, Entry>();

  constructor(latent: number) {
    this.#latent = latent;
  }

  /** Keeps the rows of `mu` and `logvar`, [users x latent]; copies them, since they may be views of a large message. */
  set(users: ArrayLike<number>, items: (user: number) => number, mu: Float32Array, logvar: Float32Array): void {
    for (let k = 0; k < users.length; k++) {
      const [from, to] = [k * this.#latent, (k + 1) * this.#latent];
      this.#entries.set(users[k]!, { items: items(users[k]!), mu_L: mu.slice(from, to), logvar_L: logvar.slice(from, to) });
    }
  }

  has(user: number, items: number): boolean {
    return this.#entries.get(user)?.items === items;
  }

  /** Both as [users x latent]. */
  of(users: ArrayLike<number>): { mu: Float32Array; logvar: Float32Array } {
    const mu = new Float32Array(users.length * this.#latent);
    const logvar = new Float32Array(mu.length);
    for (let k = 0; k < users.length; k++) {
      const entry = this.#entries.get(users[k]!);
      if (!entry) throw new Error(`no old posterior of user ${users[k]}`);
      mu.set(entry.mu_L, k * this.#latent);
      logvar.set(entry.logvar_L, k * this.#latent);
    }
    return { mu, logvar };
  }

  /** As tensors of a checkpoint: recomputing them after a restart could differ in the last bit. Whole numbers keep their bits in float32's place. */
  state(): Weights {
    const users = [...this.#entries.keys()];
    const counts = users.map((user) => this.#entries.get(user)!.items);
    const { mu, logvar } = this.of(users);
    const whole = (values: number[]) => ({ shape: [values.length], data: new Float32Array(Int32Array.from(values).buffer) });
    const shape = [users.length, this.#latent];
    return {
      "posterior.users": whole(users),
      "posterior.items": whole(counts),
      "posterior.mu": { shape, data: mu },
      "posterior.logvar": { shape, data: logvar },
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
    const whole = (data: Float32Array) => new Int32Array(data.buffer, data.byteOffset, data.length);
    const counts = new Map([...whole(users)].map((user, k) => [user, whole(items)[k]!]));
    posteriors.set(whole(users), (user) => counts.get(user)!, mu, logvar);
    return posteriors;
  }
}
