// What a trainer's answer must look like before it may become part of a step. Between scheduler.ts and updater.ts.
import type { Spent } from "../../../shared/compute/section-timer.ts";
import { criticShapes } from "../../../shared/neural/critic.ts";
import { findNonFinite, shapesOf, type Weights } from "../../../shared/neural/parameters.ts";
import { bagWidth, latentOf, type Recipe, usesOldPosterior } from "../../../shared/neural/recipe.ts";
import { mustBe } from "../../../shared/training/expected.ts";
import type { Allocate, Decoded } from "../../../shared/training/frames.ts";
import { type Contribution, scored } from "../../../shared/training/messages.ts";
import { asExpected, type Halving, rowsName, type Wire } from "../../../shared/training/numbers.ts";
import { type Output, type Phase, phaseNames, phaseOf } from "../../../shared/training/phases.ts";
import type { Described } from "../../../shared/training/tensors.ts";

export interface Received {
  readonly reconstruction: number;
  readonly kl: number;
  /** Seconds that the trainer spent, by section. */
  readonly spent: Spent;
  readonly tensors: Weights;
  /** Every number of it was looked at, and is finite; absent: nobody has looked. */
  readonly finite?: boolean | undefined;
}

type Shapes = [name: string, shape: number[]][];

/** How a part is answered in local mode. */
interface How {
  /** Rows of the first layer that move, where the trainer moves them itself. */
  readonly rows?: number | undefined;
  /** Whether what the next round's old encoder will say comes along; absent: it does. */
  readonly says?: boolean | undefined;
}

/** Name and shape of the tensors of each kind of answer. */
const shapes: Readonly<Record<Output, (config: Recipe, users: number, how: How) => Shapes>> = {
  hidden: (config) => shapesOf("hidden", config),
  decoder: (config) => shapesOf("decoder", config),
  critic: () => criticShapes,
  firstLayer: (config, users, { rows }) => [
    rows === undefined ? ["dBag", [users, bagWidth(config)]] : [rowsName, [rows, bagWidth(config)]],
  ],
  posterior: (config, users) => ["mu", "logvar"].map((name) => [name, [users, latentOf(config)]]),
  nextOld: (config, users, { says = true, ...how }) =>
    says && usesOldPosterior(config) ? shapes.posterior(config, users, { says, ...how }) : [],
  metrics: (_, users) => [["metrics", [users, scored.length]]],
};

/** Name and shape of every tensor that answers a part of `users` users. */
const expectedShapes = (phase: Phase, config: Recipe, users: number, how: How): Shapes =>
  phaseOf(phase).gives.flatMap((kind) => shapes[kind](config, users, how));

/** Largest answer to a part of `users` users in bytes, the header's room included. */
export function largestAnswer(config: Recipe, users: number, rows?: number): number {
  const possible = phaseNames.filter((phase) => config.critic || !phaseOf(phase).needs.includes("critic"));
  const floats = possible.map((phase) =>
    expectedShapes(phase, config, users, { rows }).reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b), 0),
  );
  return 4 * Math.max(...floats) + 2 ** 20;
}

/** Throws FRAME_MALFORMED: the peer's fault, the run goes on. */
export function shapesChecked(
  { phase }: Contribution,
  described: readonly Described[],
  config: Recipe,
  users: number,
  { wire = "f32", ...how }: How & { wire?: Wire } = {},
): void {
  mustBe(asExpected(expectedShapes(phase, config, users, how), wire), described, { phase });
}

/** A checked answer, its tensors one after another in the memory given, as float32 however they came. */
export function receivedOf(
  head: Contribution,
  decoded: Decoded,
  memory?: Allocate,
  halving?: Pick<Halving, "fromHalves">,
): Received {
  const tensors: Weights = {};
  if (memory && halving && decoded.described.some(({ type }) => type === "bf16")) {
    const sizes = decoded.described.map(({ shape }) => shape.reduce((a, b) => a * b, 1));
    // What came is put at the end of the memory and made whole from its beginning: no place is written before it was
    // read.
    const room = memory(4 * sizes.reduce((a, b) => a + b, 0));
    let at = room.byteOffset;
    for (const { name, shape, data } of decoded.tensors((bytes) => room.subarray(room.length - bytes)).values()) {
      const values = new Float32Array(room.buffer, at, data.length);
      if (data instanceof Uint16Array) halving.fromHalves(data, values);
      else values.set(data);
      tensors[name] = { shape: [...shape], data: values };
      at += values.byteLength;
    }
  } else
    for (const { name, shape, data } of decoded.tensors(memory).values())
      tensors[name] = { shape: [...shape], data: data as Float32Array };
  return { reconstruction: head.reconstruction ?? Number.NaN, kl: head.kl ?? Number.NaN, spent: head.spent, tensors };
}

/** What of an answer is not a finite number; undefined when all of it is. `numbers`: a faster look. */
export function notFiniteIn(
  { reconstruction, kl, tensors }: Received,
  numbers?: { finite(data: Float32Array): boolean },
): string | undefined {
  if (!Number.isFinite(reconstruction) || !Number.isFinite(kl)) return "the loss";
  const name = numbers
    ? Object.keys(tensors).find((each) => !numbers.finite(tensors[each]!.data))
    : findNonFinite(tensors);
  return name && `tensor ${name}`;
}
