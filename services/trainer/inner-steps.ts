// A lease in local mode: the trainer takes the part's batches as steps of its own, one after another; the answer is how far the weights have come. Beside compute.ts.
import type { Engine } from "../../shared/engine/engine.ts";
import type { SparseRows } from "../../shared/kernels/kernels.ts";
import { normalisedRow } from "../../shared/model/bag.ts";
import type { ModelConfig } from "../../shared/model/config.ts";
import { type DecoderWeights, uploadDecoder } from "../../shared/model/decoder.ts";
import { gaussian, keepMask } from "../../shared/model/draws.ts";
import { type HiddenWeights, uploadHidden } from "../../shared/model/encoder.ts";
import type { Lap } from "../../shared/model/laps.ts";
import type { Weights } from "../../shared/model/parameters.ts";
import { decoderPart, encoderPart, type Posterior } from "../../shared/model/steps.ts";
import type { InnerStep } from "../../shared/wire/messages.ts";
import { rowsName } from "../../shared/wire/numbers.ts";
import type { WireTensor } from "../../shared/wire/tensors.ts";
import { InnerAdam } from "./inner-adam.ts";

/** A group as the server sent it, and on the engine. */
interface Group<T> {
  readonly sent: Weights;
  readonly uploaded: T;
}

interface Given {
  readonly config: ModelConfig;
  readonly hidden: Group<HiddenWeights>;
  readonly decoder: Group<DecoderWeights>;
  readonly inner: readonly InnerStep[];
  /** Users of the whole round: losses are shares of their mean. */
  readonly batchSize: number;
  /** Keys of the users' draws. */
  readonly keys: Int32Array;
  readonly rows: readonly Int32Array[];
  readonly lap: Lap;
}

interface GivenEncoder extends Given {
  readonly old: Posterior;
  /** Items that the part touches, and their rows of the first layer. */
  readonly items: Int32Array;
  readonly table: Float32Array | Uint16Array;
  readonly joint: boolean;
}

interface GivenDecoder extends Given {
  readonly bag_BH: Float32Array;
}

export interface Moved {
  readonly reconstruction: number;
  readonly kl: number;
  /** Hold until the next lease is computed. */
  readonly tensors: WireTensor[];
}

export class InnerSteps {
  readonly #engine: Engine;
  readonly #seed: number;
  #adam: InnerAdam | undefined;

  constructor(engine: Engine, seed: number) {
    this.#engine = engine;
    this.#seed = seed;
  }

  encoder(given: GivenEncoder): Moved {
    const { config, hidden, decoder, old, items, lap, joint } = given;
    const adam = this.#adamOf(config);
    const { memory } = adam.kernels;
    const { latent, dropoutRate, hidden: width } = config;
    return memory.borrowed(() => {
      const touched = { items: placed(memory, items), rows: adam.placed(given.table) };
      const placeOf = new Int32Array(config.items);
      items.forEach((item, place) => {
        placeOf[item] = place;
      });
      adam.begin("hidden", hidden.sent);
      if (joint) adam.begin("decoder", decoder.sent);
      const sums = { reconstruction: 0, kl: 0 };
      this.#each(given, ({ step, from, to, rows, keys }) => {
        const users: SparseRows = {
          rows: rows.map((row) => row.map((item) => placeOf[item]!)),
          values: rows.map((row, k) => normalisedRow(row, keepMask(this.#seed, step, keys[k]!, row.length, dropoutRate), dropoutRate)),
        };
        const bag_BH = adam.kernels.bag(touched.rows, width, users);
        lap("innerBag");
        const part = {
          bag_BH,
          rows,
          noise_BL: this.#noise(step, keys, latent),
          batchSize: rows.length,
          old: { mu_BL: old.mu_BL.subarray(from * latent, to * latent), logvar_BL: old.logvar_BL.subarray(from * latent, to * latent) },
          lap,
        };
        const now = {
          hidden: uploadHidden(this.#engine, config, adam.weights("hidden")),
          decoder: joint ? uploadDecoder(this.#engine, adam.weights("decoder")) : undefined,
        };
        const result = encoderPart(this.#engine, now.hidden, now.decoder ?? decoder.uploaded, part, joint);
        now.hidden.dispose();
        now.decoder?.dispose();
        adam.move("hidden", result.gradients);
        adam.moveRows(touched, result.dBag_BH, users);
        if (joint) adam.move("decoder", result.gradients);
        lap("innerAdam");
        sums.reconstruction += (result.reconstruction * rows.length) / given.batchSize;
        sums.kl += (result.kl * rows.length) / given.batchSize;
      });
      const came = adam.placed(given.table);
      adam.kernels.subtract(came, touched.rows);
      const tensors = [
        ...adam.differences("hidden", hidden.sent),
        ...(joint ? adam.differences("decoder", decoder.sent) : []),
        { name: rowsName, shape: [items.length, width], data: came },
      ];
      lap("innerAdam");
      return { ...sums, tensors };
    });
  }

  /** The encoder stands still, so the sums over its first layer come with the lease. */
  decoder(given: GivenDecoder): Moved {
    const { config, hidden, decoder, lap } = given;
    const { latent, hidden: width } = config;
    const adam = this.#adamOf(config);
    const all = { mu: new Float32Array(given.keys.length * latent), logvar: new Float32Array(given.keys.length * latent) };
    let reconstruction = 0;
    adam.begin("decoder", decoder.sent);
    this.#each(given, ({ step, from, to, rows, keys }) => {
      const now = uploadDecoder(this.#engine, adam.weights("decoder"));
      const bag_BH = given.bag_BH.subarray(from * width, to * width);
      const part = { bag_BH, rows, noise_BL: this.#noise(step, keys, latent), batchSize: rows.length, lap };
      const result = decoderPart(this.#engine, hidden.uploaded, now, part);
      now.dispose();
      adam.move("decoder", result.gradients);
      lap("innerAdam");
      all.mu.set(result.mu_BL, from * latent);
      all.logvar.set(result.logvar_BL, from * latent);
      reconstruction += (result.reconstruction * rows.length) / given.batchSize;
    });
    return adam.kernels.memory.borrowed(() => {
      const tensors = [
        ...adam.differences("decoder", decoder.sent),
        ...(["mu", "logvar"] as const).map((name) => ({ name, shape: [given.keys.length, latent], data: all[name] })),
      ];
      return { reconstruction, kl: 0, tensors };
    });
  }

  /** Calls `body` with each inner step's users, `from` to `to` of the part's. */
  #each({ inner, rows, keys }: Given, body: (step: Inner) => void): void {
    let from = 0;
    for (const { step, users } of inner) {
      const to = from + users;
      body({ step, from, to, rows: rows.slice(from, to), keys: keys.subarray(from, to) });
      from = to;
    }
  }

  #noise(step: number, keys: Int32Array, latent: number): Float32Array {
    const noise_BL = new Float32Array(keys.length * latent);
    keys.forEach((user, k) => {
      noise_BL.set(gaussian(this.#seed, step, user, latent), k * latent);
    });
    return noise_BL;
  }

  /** Moments stay while the model does; a model of more items keeps what it had. */
  #adamOf(config: ModelConfig): InnerAdam {
    if (this.#adam?.config.items !== config.items) this.#adam = new InnerAdam(config, this.#engine.threads, this.#adam);
    return this.#adam;
  }
}

interface Inner {
  readonly step: number;
  readonly from: number;
  readonly to: number;
  readonly rows: readonly Int32Array[];
  readonly keys: Int32Array;
}

function placed(memory: InnerAdam["kernels"]["memory"], values: Int32Array): Int32Array {
  const copy = memory.ints(values.length);
  copy.set(values);
  return copy;
}
