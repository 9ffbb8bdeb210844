// One lease in, one answer out: what a trainer computes. Keeps the newest weights of each group on the engine, since they serve many parts.
import { noiseOf } from "../../shared/compute/draws.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { type SectionDone, type Spent, sectionTimer } from "../../shared/compute/section-timer.ts";
import { AppError, unreachable } from "../../shared/errors/errors.ts";
import { criticShapes } from "../../shared/neural/critic.ts";
import { type DecoderWeights, uploadDecoder } from "../../shared/neural/decoder.ts";
import type { HiddenWeights } from "../../shared/neural/encoder.ts";
import { uploadHidden } from "../../shared/neural/hidden.ts";
import { type Group, shapesOf, type Weights } from "../../shared/neural/parameters.ts";
import { splitRow } from "../../shared/neural/ract.ts";
import { bagWidth, canStepAlone, latentOf, type Recipe, usesOldPosterior } from "../../shared/neural/recipe.ts";
import { criticPart, decoderPart, encoderPart, type Posterior, posterior, score } from "../../shared/neural/steps.ts";
import { ndcg, rankingOf, recall } from "../../shared/ranking/metrics.ts";
import type { Decoded } from "../../shared/training/frames.ts";
import type { Contribution, FromServer, InnerStep, Lease } from "../../shared/training/messages.ts";
import { type Halving, rowsName } from "../../shared/training/numbers.ts";
import type { WireTensor } from "../../shared/training/tensors.ts";
import { InnerSteps } from "./inner-steps.ts";

type Tensors = ReturnType<Decoded["tensors"]>;

export interface Answer {
  readonly head: Omit<Contribution, "times">;
  readonly tensors: WireTensor[];
}

/** A group's weights on the engine, and as they were sent. */
interface Held<T> {
  readonly version: number;
  readonly weights: T;
  readonly sent: Weights;
}

export class Computer {
  readonly #engine: Engine;
  readonly #seed: number;
  readonly #now: () => number;
  readonly #innerSteps: InnerSteps;
  #hidden: (Held<HiddenWeights> & { readonly config: Recipe }) | undefined;
  #decoder: Held<DecoderWeights> | undefined;

  /** `now` in milliseconds. */
  constructor(engine: Engine, seed: number, now: () => number = () => performance.now()) {
    this.#engine = engine;
    this.#seed = seed;
    this.#now = now;
    this.#innerSteps = new InnerSteps(engine, seed);
  }

  /** Replaces a group on the engine. The tensors' memory must stay as it is until the group is replaced. */
  take({ group, version, model }: FromServer & { type: "weights" }, tensors: Tensors): void {
    const weights: Weights = Object.fromEntries(
      [...tensors].map(([name, { shape, data }]) => [name, { shape: [...shape], data: asFloats(data, name, this.#engine.kernels) }]),
    );
    if (group === "hidden") {
      this.#hidden?.weights.dispose();
      this.#hidden = { version, weights: uploadHidden(this.#engine, model, weights), sent: weights, config: model };
    } else {
      this.#decoder?.weights.dispose();
      this.#decoder = { version, weights: uploadDecoder(this.#engine, weights), sent: weights };
    }
  }

  /** `ready`: the inputs are made, the arithmetic begins. */
  answer(lease: Lease, tensors: Tensors, ready = () => {}): Answer {
    const { engine, hidden } = { engine: this.#engine, hidden: this.#hidden };
    if (
      !hidden ||
      hidden.version !== lease.versions.hidden ||
      (lease.versions.decoder ?? this.#decoder?.version) !== this.#decoder?.version
    )
      throw new AppError("FRAME_MALFORMED", { what: "a lease for weights that were not sent", step: lease.step });
    const begin = () => {
      ready();
      return sectionTimer(this.#now);
    };
    if (lease.inner) return this.#alone(lease, lease.inner, tensors, hidden, begin);
    const { config } = hidden;
    const [latent, width] = [latentOf(config), bagWidth(config)];
    const bag_BH = floats(tensors.get("bag")?.data, "bag");
    const users = bag_BH.length / width;
    const posteriorTensors = (mu: Float32Array, logvar: Float32Array): WireTensor[] => [
      { name: "mu", shape: [users, latent], data: mu },
      { name: "logvar", shape: [users, latent], data: logvar },
    ];
    switch (lease.phase) {
      case "posterior": {
        const { spent } = begin();
        const { mu_BL, logvar_BL } = posterior(engine, hidden.weights, bag_BH);
        return reply(lease, { reconstruction: 0, kl: 0, spent }, posteriorTensors(mu_BL, logvar_BL));
      }
      case "encoder":
      case "joint": {
        const old = usesOldPosterior(config) ? oldPosterior(tensors) : undefined;
        const part = { ...this.#part(lease, tensors, bag_BH, latent), old, beta: lease.beta };
        const { sectionDone, spent } = begin();
        const result = encoderPart(engine, hidden.weights, this.#decoder!.weights, { ...part, sectionDone }, lease.phase === "joint");
        const moved = lease.phase === "joint" ? (["hidden", "decoder"] as const) : (["hidden"] as const);
        return reply(lease, { ...result, spent }, [
          ...moved.flatMap((group) => listed(result.gradients, group, config)),
          { name: "dBag", shape: [users, width], data: result.dBag_BH },
        ]);
      }
      case "critic": {
        const part = { ...this.#part(lease, tensors, bag_BH, latent), ...this.#forCritic(lease, tensors, config) };
        const { sectionDone, spent } = begin();
        const result = criticPart(engine, hidden.weights, this.#decoder!.weights, { ...part, sectionDone });
        return reply(lease, { ...result, kl: 0, spent }, ofCritic(result.gradients));
      }
      case "actor": {
        const part = {
          ...this.#part(lease, tensors, bag_BH, latent),
          forCritic: this.#forCritic(lease, tensors, config),
          beta: lease.beta,
        };
        const { sectionDone, spent } = begin();
        const result = encoderPart(engine, hidden.weights, this.#decoder!.weights, { ...part, sectionDone }, true);
        return reply(lease, { ...result, spent }, [
          ...(["hidden", "decoder"] as const).flatMap((group) => listed(result.gradients, group, config)),
          { name: "dBag", shape: [users, width], data: result.dBag_BH },
          ...ofCritic(result.gradients),
        ]);
      }
      case "decoder": {
        const part = this.#part(lease, tensors, bag_BH, latent);
        const { sectionDone, spent } = begin();
        const result = decoderPart(engine, hidden.weights, this.#decoder!.weights, { ...part, sectionDone });
        const loss = { reconstruction: result.reconstruction, kl: 0, spent };
        const learned = usesOldPosterior(config) ? result.posterior : undefined;
        return reply(lease, loss, [
          ...listed(result.gradients, "decoder", config),
          ...(learned ? posteriorTensors(learned.mu_BL, learned.logvar_BL) : []),
        ]);
      }
      case "score": {
        const [foldIns, targets] = [rowsOf(tensors, "columns", "ends"), rowsOf(tensors, "targets", "targetEnds")];
        const { spent } = begin();
        const logits_BI = score(engine, hidden.weights, this.#decoder!.weights, bag_BH);
        const metrics = judge(logits_BI, foldIns, targets);
        return reply(lease, { reconstruction: 0, kl: 0, spent }, [
          { name: "metrics", shape: [users, metrics.length / users], data: metrics },
        ]);
      }
      default:
        return unreachable(lease.phase);
    }
  }

  /** Local mode: the part's steps are this trainer's own. */
  #alone(
    lease: Lease,
    inner: readonly InnerStep[],
    tensors: Tensors,
    hidden: Held<HiddenWeights> & { config: Recipe },
    begin: () => { sectionDone: SectionDone; spent: Spent },
  ): Answer {
    const keys = integers(tensors.get("users")?.data, "users");
    const rows = rowsOf(tensors, "columns", "ends");
    const { config } = hidden;
    if (!canStepAlone(config))
      throw new AppError("FRAME_MALFORMED", { what: "a model of which trainers take no steps of their own", step: lease.step });
    if (!this.#decoder || inner.reduce((sum, { users }) => sum + users, 0) !== keys.length || rows.length !== keys.length)
      throw new AppError("FRAME_MALFORMED", { what: "a lease whose steps do not hold its users", step: lease.step });
    const { sectionDone, spent } = begin();
    const given = {
      config,
      hidden: { sent: hidden.sent, uploaded: hidden.weights },
      decoder: { sent: this.#decoder.sent, uploaded: this.#decoder.weights },
      inner,
      batchSize: lease.batchSize,
      keys,
      rows,
      items: integers(tensors.get("items")?.data, "items"),
      table: numbers(tensors.get(rowsName)?.data, rowsName),
      sectionDone,
    };
    if (lease.phase === "decoder") {
      const moved = this.#innerSteps.decoder(given);
      return reply(lease, { ...moved, spent }, moved.tensors);
    }
    if (lease.phase !== "encoder" && lease.phase !== "joint")
      throw new AppError("FRAME_MALFORMED", { what: `a lease of phase ${lease.phase} with steps of its own`, step: lease.step });
    const old = oldPosterior(tensors);
    const moved = this.#innerSteps.encoder(given, old, lease.phase === "joint");
    return reply(lease, { ...moved, spent }, moved.tensors);
  }

  #part({ step, batchSize }: Lease, tensors: Tensors, bag_BH: Float32Array, latent: number) {
    const keys = integers(tensors.get("users")?.data, "users");
    const noise_BL = noiseOf(this.#seed, step, keys, latent);
    return { bag_BH, rows: rowsOf(tensors, "columns", "ends"), noise_BL, batchSize };
  }

  /** The critic as the lease brings it, and what the step's mask kept of each row. */
  #forCritic({ step }: Lease, tensors: Tensors, config: Recipe) {
    const critic = Object.fromEntries(criticShapes.map(([name, shape]) => [name, { shape, data: floats(tensors.get(name)?.data, name) }]));
    const keys = integers(tensors.get("users")?.data, "users");
    const { dropoutRate } = config;
    const splits = rowsOf(tensors, "columns", "ends").map((row, k) => splitRow(row, this.#seed, step, keys[k]!, dropoutRate));
    return { critic, splits };
  }

  dispose(): void {
    this.#hidden?.weights.dispose();
    this.#decoder?.weights.dispose();
  }
}

function reply(
  { step, part, phase }: Lease,
  { reconstruction, kl, spent }: Pick<Contribution, "spent"> & { reconstruction: number; kl: number },
  tensors: WireTensor[],
): Answer {
  const finiteOrNull = (value: number) => (Number.isFinite(value) ? value : null);
  return {
    head: { type: "contribution", step, part, phase, reconstruction: finiteOrNull(reconstruction), kl: finiteOrNull(kl), spent },
    tensors,
  };
}

/** NDCG@100, Recall@20, Recall@50 of each user, [users x 3]. */
function judge(logits_BI: Float32Array, foldIns: readonly Int32Array[], targets: readonly Int32Array[]): Float32Array {
  const items = logits_BI.length / foldIns.length;
  return Float32Array.from(
    foldIns.flatMap((foldIn, user) => {
      const target = targets[user]!;
      const top = rankingOf(logits_BI.subarray(user * items, (user + 1) * items), foldIn, 100);
      return [ndcg(top, target, 100), recall(top, target, 20), recall(top, target, 50)];
    }),
  );
}

/** What the old encoder says of the part's users. */
const oldPosterior = (tensors: Tensors): Posterior => ({
  mu_BL: floats(tensors.get("muOld")?.data, "muOld"),
  logvar_BL: floats(tensors.get("logvarOld")?.data, "logvarOld"),
});

const ofCritic = (gradients: Weights): WireTensor[] => criticShapes.map(([name, shape]) => ({ name, shape, data: gradients[name]!.data }));

/** A group's gradients in the order that the server expects. */
const listed = (gradients: Weights, group: Group, config: Recipe): WireTensor[] =>
  shapesOf(group, config).map(([name, shape]) => ({ name, shape, data: gradients[name]!.data }));

function rowsOf(tensors: Tensors, name: string, endsName: string): Int32Array[] {
  const data = integers(tensors.get(name)?.data, name);
  const ends = integers(tensors.get(endsName)?.data, endsName);
  return Array.from(ends, (end, k) => data.subarray(ends[k - 1] ?? 0, end));
}

function floats(data: WireTensor["data"] | undefined, name: string): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new AppError("FRAME_MALFORMED", { what: `tensor ${name} is missing or of another type` });
}

/** As float32, however it came. */
function asFloats(data: WireTensor["data"] | undefined, name: string, { fromHalves }: Pick<Halving, "fromHalves">): Float32Array {
  const found = numbers(data, name);
  if (found instanceof Float32Array) return found;
  const into = new Float32Array(found.length);
  fromHalves(found, into);
  return into;
}

function numbers(data: WireTensor["data"] | undefined, name: string): Float32Array | Uint16Array {
  return data instanceof Uint16Array ? data : floats(data, name);
}

function integers(data: WireTensor["data"] | undefined, name: string): Int32Array {
  if (data instanceof Int32Array) return data;
  throw new AppError("FRAME_MALFORMED", { what: `tensor ${name} is missing or of another type` });
}
