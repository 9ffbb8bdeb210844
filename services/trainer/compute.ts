// One lease in, one answer out: what a trainer computes. Keeps the newest weights of each group on the engine, since
// they serve many parts.
import { noiseOf } from "../../shared/compute/draws.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { type SectionDone, type Spent, sectionTimer } from "../../shared/compute/section-timer.ts";
import { AppError } from "../../shared/errors/errors.ts";
import { criticShapes } from "../../shared/neural/critic.ts";
import { type DecoderWeights, uploadDecoder } from "../../shared/neural/decoder.ts";
import type { HiddenWeights } from "../../shared/neural/encoder.ts";
import { uploadHidden } from "../../shared/neural/hidden.ts";
import type { Weights } from "../../shared/neural/parameters.ts";
import { splitRow } from "../../shared/neural/ract.ts";
import { bagWidth, canStepAlone, latentOf, type Recipe, usesOldPosterior } from "../../shared/neural/recipe.ts";
import type { Contribution, FromServer, InnerStep, Lease } from "../../shared/training/messages.ts";
import { rowsName } from "../../shared/training/numbers.ts";
import { phaseOf } from "../../shared/training/phases.ts";
import type { WireTensor } from "../../shared/training/tensors.ts";
import { answers, arithmetic, type Given } from "./arithmetic.ts";
import { InnerSteps } from "./inner-steps.ts";
import { asFloats, floats, integers, numbers, oldPosterior, rowsOf, type Tensors } from "./reading.ts";

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
      [...tensors].map(([name, { shape, data }]) => [
        name,
        { shape: [...shape], data: asFloats(data, name, this.#engine.kernels) },
      ]),
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
    const { needs, by, gives } = phaseOf(lease.phase);
    const { config } = hidden;
    const bag_BH = floats(tensors.get("bag")?.data, "bag");
    const given: Given = {
      bag_BH,
      batchSize: lease.batchSize,
      beta: lease.beta,
      rows: needs.includes("rows") ? rowsOf(tensors, "columns", "ends") : [],
      noise_BL: needs.includes("keys") ? this.#noise(lease, tensors, latentOf(config)) : new Float32Array(0),
      old: needs.includes("old") && usesOldPosterior(config) ? oldPosterior(tensors) : undefined,
      forCritic: needs.includes("critic") ? this.#forCritic(lease, tensors, config) : undefined,
      targets: needs.includes("targets") ? rowsOf(tensors, "targets", "targetEnds") : [],
      joint: gives.includes("decoder"),
    };
    const { sectionDone, spent } = begin();
    const computed = arithmetic[by](engine, hidden.weights, this.#decoder?.weights, { ...given, sectionDone });
    const loss = { reconstruction: 0, kl: 0, ...computed, spent };
    const users = bag_BH.length / bagWidth(config);
    return reply(
      lease,
      loss,
      gives.flatMap((kind) => answers[kind](computed, config, users)),
    );
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
      throw new AppError("FRAME_MALFORMED", {
        what: "a model of which trainers take no steps of their own",
        step: lease.step,
      });
    if (
      !this.#decoder ||
      inner.reduce((sum, { users }) => sum + users, 0) !== keys.length ||
      rows.length !== keys.length
    )
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
    const { ownSteps, moves } = phaseOf(lease.phase);
    if (!ownSteps)
      throw new AppError("FRAME_MALFORMED", {
        what: `a lease of phase ${lease.phase} with steps of its own`,
        step: lease.step,
      });
    const moved = moves.includes("encoder")
      ? this.#innerSteps.encoder(given, oldPosterior(tensors), moves.includes("decoder"))
      : this.#innerSteps.decoder(given);
    return reply(lease, { ...moved, spent }, moved.tensors);
  }

  /** By the keys of the part's users. */
  #noise({ step }: Lease, tensors: Tensors, latent: number): Float32Array {
    return noiseOf(this.#seed, step, integers(tensors.get("users")?.data, "users"), latent);
  }

  /** The critic as the lease brings it, and what the step's mask kept of each row. */
  #forCritic({ step }: Lease, tensors: Tensors, config: Recipe) {
    const critic = Object.fromEntries(
      criticShapes.map(([name, shape]) => [name, { shape, data: floats(tensors.get(name)?.data, name) }]),
    );
    const keys = integers(tensors.get("users")?.data, "users");
    const { dropoutRate } = config;
    const splits = rowsOf(tensors, "columns", "ends").map((row, k) =>
      splitRow(row, this.#seed, step, keys[k]!, dropoutRate),
    );
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
    head: {
      type: "contribution",
      step,
      part,
      phase,
      reconstruction: finiteOrNull(reconstruction),
      kl: finiteOrNull(kl),
      spent,
    },
    tensors,
  };
}
