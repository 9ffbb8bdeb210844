// A lease in local mode: the trainer takes the part's batches as steps of its own, one after another; the answer is how
// far the weights have come. Beside compute.ts.
import { noiseOf } from "../../shared/compute/draws.ts";
import type { SparseRows } from "../../shared/compute/kernels/lists.ts";
import type { SectionDone } from "../../shared/compute/section-timer.ts";
import { valuesOf } from "../../shared/neural/bag.ts";
import type { DecoderPart, Network, Posterior } from "../../shared/neural/network.ts";
import type { Weights } from "../../shared/neural/parameters.ts";
import { bagWidth, latentOf, type Recipe } from "../../shared/neural/recipe.ts";
import type { InnerStep } from "../../shared/training/messages.ts";
import type { WireTensor } from "../../shared/training/tensors.ts";
import { InnerAdam, type Touched } from "./inner-adam.ts";

export interface Given {
  readonly config: Recipe;
  /** The groups as the server sent them, which the network has. */
  readonly hidden: Weights;
  readonly decoder: Weights;
  readonly inner: readonly InnerStep[];
  /** Users of the whole outer step: losses are shares of their mean. */
  readonly batchSize: number;
  /** Keys of the users' draws. */
  readonly keys: Int32Array;
  readonly rows: readonly Int32Array[];
  /** Items that the part touches, and their rows of the first layer. */
  readonly items: Int32Array;
  readonly table: Float32Array | Uint16Array;
  readonly sectionDone: SectionDone;
}

export interface Moved {
  readonly reconstruction: number;
  readonly kl: number;
  /** Hold until the next lease is computed. */
  readonly tensors: WireTensor[];
}

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

export class InnerSteps {
  readonly #network: Network;
  readonly #threads: number;
  readonly #seed: number;
  #adam: InnerAdam | undefined;

  constructor(network: Network, threads: number, seed: number) {
    this.#network = network;
    this.#threads = threads;
    this.#seed = seed;
  }

  /** Moves the encoder, its first layer by the rows at hand; in a joint phase the decoder too. */
  encoder(given: Given, old: Posterior, joint: boolean): Moved {
    const { config, hidden, decoder, items, sectionDone } = given;
    const latent = latentOf(config);
    const adam = this.#adamOf(config);
    return adam.kernels.memory.borrowed(() => {
      const touched = adam.touched(items, given.table);
      adam.begin("hidden", hidden);
      if (joint) adam.begin("decoder", decoder);
      const sums = { reconstruction: 0, kl: 0 };
      this.#each(given, adam, touched, ({ from, to, users, part, share }) => {
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
      const tensors = [
        ...adam.differences("hidden", hidden),
        ...(joint ? adam.differences("decoder", decoder) : []),
        adam.differencesOfRows(touched, given.table),
      ];
      sectionDone("innerAdam");
      return { ...sums, tensors };
    });
  }

  /** Moves the decoder; what the encoder, which stands still, says of each user comes along. */
  decoder(given: Given): Moved {
    const { config, decoder, items, keys, sectionDone } = given;
    const latent = latentOf(config);
    const adam = this.#adamOf(config);
    return adam.kernels.memory.borrowed(() => {
      const touched = adam.touched(items, given.table);
      adam.begin("decoder", decoder);
      const all = { mu: new Float32Array(keys.length * latent), logvar: new Float32Array(keys.length * latent) };
      let reconstruction = 0;
      this.#each(given, adam, touched, ({ from, part, share }) => {
        this.#network.take("decoder", config, adam.weights("decoder"));
        const result = this.#network.decoder(part);
        adam.move("decoder", result.gradients);
        sectionDone("innerAdam");
        all.mu.set(result.posterior!.mu_BL, from * latent);
        all.logvar.set(result.posterior!.logvar_BL, from * latent);
        reconstruction += result.reconstruction * share;
      });
      this.#network.take("decoder", config, decoder);
      const posterior = (["mu", "logvar"] as const).map((name) => ({
        name,
        shape: [keys.length, latent],
        data: all[name],
      }));
      return { reconstruction, kl: 0, tensors: [...adam.differences("decoder", decoder), ...posterior] };
    });
  }

  #each(given: Given, adam: InnerAdam, touched: Touched, body: (step: Inner) => void): void {
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
      const [rows, keys] = [given.rows.slice(from, to), given.keys.subarray(from, to)];
      const users = {
        rows: rows.map((row) => row.map((item) => placeOf[item]!)),
        values: valuesOf(input, rows, dropout ? { seed: this.#seed, step, rate: dropoutRate, users: keys } : undefined),
      };
      const bag_BH = adam.kernels.bag(touched.rows, hidden, users);
      sectionDone("innerBag");
      const part = { bag_BH, rows, noise_BL: noiseOf(this.#seed, step, keys, latent), batchSize: count, sectionDone };
      body({ from, to, users, part, share: count / given.batchSize });
      from = to;
    }
  }

  /** Moments stay while the model does; a model of more items keeps what it had. */
  #adamOf(config: Recipe): InnerAdam {
    if (this.#adam?.config.items !== config.items) this.#adam = new InnerAdam(config, this.#threads, this.#adam);
    return this.#adam;
  }
}
