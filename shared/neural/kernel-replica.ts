// A replica whose steps are computed product by product, its Adam in our kernels. See replica.ts.
import { noiseOf } from "../compute/draws.ts";
import type { SparseRows } from "../compute/kernels/lists.ts";
import { valuesOf } from "./bag.ts";
import { InnerAdam } from "./inner-adam.ts";
import type { DecoderPart, Network, Posterior } from "./network.ts";
import { embeddingOf, type Weights } from "./parameters.ts";
import { bagWidth, latentOf, type Recipe } from "./recipe.ts";
import type { Moved, Old, Replica, Stint } from "./replica.ts";

/** One step's users: `from` to `to` of the part's. */
interface Inner {
  readonly from: number;
  readonly to: number;
  /** Their items, as places among the rows at hand. */
  readonly users: SparseRows;
  readonly part: DecoderPart;
  /** Of the outer step's mean loss. */
  readonly share: number;
}

export class KernelReplica implements Replica {
  readonly #network: Network;
  readonly #threads: number;
  readonly #seed: number;
  #adam: InnerAdam | undefined;

  constructor(network: Network, threads: number, seed: number) {
    this.#network = network;
    this.#threads = threads;
    this.#seed = seed;
  }

  encoder(given: Stint, beside: Old, joint: boolean): Moved {
    const { config, hidden, decoder, items, sectionDone } = given;
    const latent = latentOf(config);
    const adam = this.#adamOf(config);
    return adam.kernels.memory.borrowed(() => {
      const old = "says" in beside ? beside.says : this.#asked(given, adam, beside.weights);
      const touched = adam.touched(items, given.table);
      adam.begin("hidden", hidden);
      if (joint) adam.begin("decoder", decoder);
      const sums = { reconstruction: 0, kl: 0 };
      this.#each(given, adam, touched.rows, ({ from, to, users, part, share }) => {
        const some = (table_UL: Float32Array) => table_UL.subarray(from * latent, to * latent);
        this.#network.take("hidden", config, adam.weights("hidden"));
        if (joint) this.#network.take("decoder", config, adam.weights("decoder"));
        const withOld = { ...part, old: { mu_BL: some(old.mu_BL), logvar_BL: some(old.logvar_BL) } };
        const result = this.#network.encoder(withOld, joint);
        adam.move("hidden", result.gradients);
        adam.moveRows(touched, result.dBag_BH, users);
        if (joint) adam.move("decoder", result.gradients);
        sectionDone("innerAdam");
        sums.reconstruction += result.reconstruction * share;
        sums.kl += result.kl * share;
      });
      this.#network.take("hidden", config, hidden); // later leases are of what the server sent
      if (joint) this.#network.take("decoder", config, decoder);
      const differences = {
        ...adam.differences("hidden", hidden),
        ...(joint ? adam.differences("decoder", decoder) : {}),
      };
      const moved = { ...sums, differences, rows: adam.differencesOfRows(touched, given.table) };
      sectionDone("innerAdam");
      return moved;
    });
  }

  decoder(given: Stint, says: boolean): Moved {
    const { config, decoder, items, keys, sectionDone } = given;
    const latent = latentOf(config);
    const adam = this.#adamOf(config);
    return adam.kernels.memory.borrowed(() => {
      const touched = adam.touched(items, given.table);
      adam.begin("decoder", decoder);
      const posterior = posteriorOf(keys.length, latent);
      let reconstruction = 0;
      this.#each(given, adam, touched.rows, ({ from, part, share }) => {
        this.#network.take("decoder", config, adam.weights("decoder"));
        const result = this.#network.decoder(part);
        adam.move("decoder", result.gradients);
        sectionDone("innerAdam");
        posterior.mu_BL.set(result.posterior!.mu_BL, from * latent);
        posterior.logvar_BL.set(result.posterior!.logvar_BL, from * latent);
        reconstruction += result.reconstruction * share;
      });
      this.#network.take("decoder", config, decoder);
      const moved = { reconstruction, kl: 0, differences: adam.differences("decoder", decoder) };
      return says ? { ...moved, posterior } : moved;
    });
  }

  /** What an old encoder says of the users. */
  #asked(given: Stint, adam: InnerAdam, weights: Weights): Posterior {
    const { config, hidden, keys, inner } = given;
    const latent = latentOf(config);
    const posterior = posteriorOf(keys.length, latent);
    const rows = adam.touched(given.items, rowsAt(weights[embeddingOf(config)]!.data, given.items, bagWidth(config)));
    this.#network.take("hidden", config, weights);
    const plainly = inner.map((step) => ({ ...step, dropout: false }));
    this.#each({ ...given, inner: plainly }, adam, rows.rows, ({ from, part }) => {
      const { mu_BL, logvar_BL } = this.#network.posterior(part.bag_BH);
      posterior.mu_BL.set(mu_BL, from * latent);
      posterior.logvar_BL.set(logvar_BL, from * latent);
    });
    this.#network.take("hidden", config, hidden);
    return posterior;
  }

  /** `table`: the first layer's rows of the stint's items. */
  #each(given: Stint, adam: InnerAdam, table: Float32Array, body: (step: Inner) => void): void {
    const { config, items, sectionDone } = given;
    const { dropoutRate, input } = config;
    const [hidden, latent] = [bagWidth(config), latentOf(config)];
    const placeOf = new Int32Array(config.items);
    items.forEach((item, place) => {
      placeOf[item] = place;
    });
    let from = 0;
    for (const { step, users: count, dropout } of given.inner) {
      const to = from + count;
      const keys = given.keys.subarray(from, to);
      const rows = Array.from(keys, (_, k) =>
        given.columns.subarray(given.ends[from + k - 1] ?? 0, given.ends[from + k]),
      );
      const users = {
        rows: rows.map((row) => row.map((item) => placeOf[item]!)),
        values: valuesOf(input, rows, dropout ? { seed: this.#seed, step, rate: dropoutRate, users: keys } : undefined),
      };
      const bag_BH = adam.kernels.bag(table, hidden, users);
      sectionDone("innerBag");
      const part = { bag_BH, rows, noise_BL: noiseOf(this.#seed, step, keys, latent), batchSize: count, sectionDone };
      body({ from, to, users, part, share: count / given.batchSize });
      from = to;
    }
  }

  dispose(): void {
    void this.#adam?.kernels.close();
  }

  /** Moments stay while the model does; a model of more items keeps what it had. */
  #adamOf(config: Recipe): InnerAdam {
    if (this.#adam?.config.items !== config.items) this.#adam = new InnerAdam(config, this.#threads, this.#adam);
    return this.#adam;
  }
}

const posteriorOf = (users: number, latent: number) => ({
  mu_BL: new Float32Array(users * latent),
  logvar_BL: new Float32Array(users * latent),
});

/** Copies of a table's rows. */
function rowsAt(table: Float32Array, items: Int32Array, width: number): Float32Array {
  const rows = new Float32Array(items.length * width);
  items.forEach((item, place) => {
    rows.set(table.subarray(item * width, (item + 1) * width), place * width);
  });
  return rows;
}
