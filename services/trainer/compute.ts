// One lease in, one answer out: what a trainer computes. Keeps the newest weights of each group on the engine, since
// they serve many parts.
import { noiseOf } from "../../shared/compute/draws.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import { type SectionDone, type Spent, sectionTimer } from "../../shared/compute/section-timer.ts";
import { AppError } from "../../shared/errors/errors.ts";
import { criticShapes } from "../../shared/neural/critic.ts";
import type { Network } from "../../shared/neural/network.ts";
import { openNetwork, openReplica } from "../../shared/neural/open-network.ts";
import { shapesOf, type Weights } from "../../shared/neural/parameters.ts";
import { splitRow } from "../../shared/neural/ract.ts";
import { bagWidth, canStepAlone, latentOf, type Recipe, usesOldPosterior } from "../../shared/neural/recipe.ts";
import type { Moved, Old, Replica } from "../../shared/neural/replica.ts";
import type { Contribution, FromServer, InnerStep, Lease } from "../../shared/training/messages.ts";
import { rowsName } from "../../shared/training/numbers.ts";
import { groups, phaseOf, type Sent } from "../../shared/training/phases.ts";
import type { WireTensor } from "../../shared/training/tensors.ts";
import { answers, arithmetic, type Given } from "./arithmetic.ts";
import { asFloats, floats, integers, numbers, oldPosterior, rowsOf, type Tensors } from "./reading.ts";

export interface Answer {
  readonly head: Omit<Contribution, "times">;
  readonly tensors: WireTensor[];
}

/** A group's weights that the network has, as they were sent. */
interface Held {
  readonly version: number;
  readonly sent: Weights;
  readonly config: Recipe;
}

export class Computer {
  readonly #engine: Engine;
  readonly #seed: number;
  readonly #now: () => number;
  readonly #warn: (what: string) => void;
  readonly #network: Network;
  readonly #replica: Replica;
  readonly #held: Partial<Record<Sent, Held>> = {};

  /** `now` in milliseconds; `warn` is told of what went wrong in between and stands in no answer. */
  constructor(
    engine: Engine,
    seed: number,
    { now = () => performance.now(), warn = () => {} }: { now?: () => number; warn?: (what: string) => void } = {},
  ) {
    this.#warn = warn;
    this.#engine = engine;
    this.#seed = seed;
    this.#now = now;
    this.#network = openNetwork(engine);
    this.#replica = openReplica(engine, this.#network, seed);
  }

  /** Replaces a group on the engine. The tensors' memory must stay as it is until the group is replaced. */
  take({ group, version, model }: FromServer & { type: "weights" }, tensors: Tensors): void {
    const weights: Weights = Object.fromEntries(
      [...tensors].map(([name, { shape, data }]) => [
        name,
        { shape: [...shape], data: asFloats(data, name, this.#engine.kernels) },
      ]),
    );
    if (group !== "old") this.#network.take(group, model, weights);
    this.#held[group] = { version, sent: weights, config: model };
  }

  /** `ready`: the inputs are made, the arithmetic begins. */
  answer(lease: Lease, tensors: Tensors, ready = () => {}): Answer {
    const { hidden } = this.#held;
    const isHere = (group: Sent, version: number | null | undefined) =>
      version === null || version === undefined || this.#held[group]?.version === version;
    const { versions } = lease;
    if (!hidden || ![...groups, "old" as const].every((group) => isHere(group, versions[group])))
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
    const computed = arithmetic[by](this.#network, { ...given, sectionDone });
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
    hidden: Held,
    begin: () => { sectionDone: SectionDone; spent: Spent },
  ): Answer {
    const refuse = (what: string) => {
      throw new AppError("FRAME_MALFORMED", { what, step: lease.step });
    };
    const integersOf = (name: string) => integers(tensors.get(name)?.data, name);
    const { config } = hidden;
    const { decoder, old: oldEncoder } = this.#held;
    const { ownSteps, moves } = phaseOf(lease.phase);
    const [keys, ends] = [integersOf("users"), integersOf("ends")];
    if (!canStepAlone(config)) refuse("a model of which trainers take no steps of their own");
    if (!ownSteps) refuse(`a lease of phase ${lease.phase} with steps of its own`);
    const users = inner.reduce((sum, step) => sum + step.users, 0);
    if (!decoder || users !== keys.length || ends.length !== keys.length)
      throw refuse("a lease whose steps do not hold its users");
    const { sectionDone, spent } = begin();
    const stint = {
      ...{ config, hidden: hidden.sent, decoder: decoder.sent, inner, batchSize: lease.batchSize, keys, ends },
      columns: integersOf("columns"),
      items: integersOf("items"),
      table: numbers(tensors.get(rowsName)?.data, rowsName),
      sectionDone,
    };
    const runsBeside = lease.versions.old !== undefined;
    const old = (): Old => (runsBeside ? { weights: oldEncoder!.sent } : { says: oldPosterior(tensors) });
    const moved = moves.includes("encoder")
      ? this.#replica.encoder(stint, old(), moves.includes("decoder"))
      : this.#replica.decoder(stint, !runsBeside);
    if (moved.notFinite !== undefined) this.#warn(`the loss of step ${moved.notFinite} is no finite number`);
    return reply(lease, { ...moved, spent }, tensorsOf(moved, config, keys.length, stint.items.length));
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
    this.#replica.dispose();
    this.#network.dispose();
  }
}

/** How far the weights have come, as it travels. */
function tensorsOf(
  { differences, rows, posterior }: Moved,
  config: Recipe,
  users: number,
  items: number,
): WireTensor[] {
  const named = (name: string, { shape, data }: Weights[string]) => ({ name, shape, data });
  return [
    ...groups.flatMap((group) =>
      shapesOf(group, config).flatMap(([name]) => (differences[name] ? [named(name, differences[name])] : [])),
    ),
    ...(rows ? [{ name: rowsName, shape: [items, bagWidth(config)], data: rows }] : []),
    ...(posterior ? answers.posterior({ posterior }, config, users) : []),
  ];
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
