// What a trainer's answer must look like before it may become part of a step. Between desk.ts and optimizer.ts.
import type { ModelConfig } from "../../shared/model/config.ts";
import type { Spent } from "../../shared/model/laps.ts";
import { findNonFinite, shapesOf, type Weights } from "../../shared/model/parameters.ts";
import { mustBe } from "../../shared/wire/expected.ts";
import type { Allocate, Decoded } from "../../shared/wire/frames.ts";
import { type Contribution, type Phase, phases, scored } from "../../shared/wire/messages.ts";
import type { Described } from "../../shared/wire/tensors.ts";

export interface Received {
  readonly reconstruction: number;
  readonly kl: number;
  /** Seconds that the trainer spent, by section. */
  readonly spent: Spent;
  readonly tensors: Weights;
}

/** Name and shape of every tensor that answers a part of `users` users; `rows` of the first layer move where the trainer moves them itself, in local mode. */
function expectedShapes(phase: Phase, config: ModelConfig, users: number, rows?: number): [name: string, shape: number[]][] {
  const posterior: [string, number[]][] = [
    ["mu", [users, config.latent]],
    ["logvar", [users, config.latent]],
  ];
  const ofFirstLayer: [string, number[]] = rows === undefined ? ["dBag", [users, config.hidden]] : ["rows", [rows, config.hidden]];
  switch (phase) {
    case "posterior":
      return posterior;
    case "encoder":
      return [...shapesOf("hidden", config), ofFirstLayer];
    case "decoder":
      return [...shapesOf("decoder", config), ...posterior];
    case "joint":
      return [...shapesOf("hidden", config), ...shapesOf("decoder", config), ofFirstLayer];
    case "score":
      return [["metrics", [users, scored.length]]];
  }
}

/** Largest answer to a part of `users` users in bytes, the header's room included; `rows` as above. */
export function largestAnswer(config: ModelConfig, users: number, rows?: number): number {
  const floats = phases.map((phase) =>
    expectedShapes(phase, config, users, rows).reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b), 0),
  );
  return 4 * Math.max(...floats) + 2 ** 20;
}

/** Throws FRAME_MALFORMED: the peer's fault, the run goes on. */
export function shapesChecked(
  { phase }: Contribution,
  described: readonly Described[],
  config: ModelConfig,
  users: number,
  rows?: number,
): void {
  mustBe(expectedShapes(phase, config, users, rows), described, { phase });
}

/** A checked answer, its tensors one after another in the memory given. */
export function receivedOf(head: Contribution, decoded: Decoded, memory?: Allocate): Received {
  const tensors: Weights = {};
  for (const { name, shape, data } of decoded.tensors(memory).values()) tensors[name] = { shape: [...shape], data: data as Float32Array };
  return { reconstruction: head.reconstruction ?? Number.NaN, kl: head.kl ?? Number.NaN, spent: head.spent, tensors };
}

/** What of an answer is not a finite number; undefined when all of it is. `finite`: a faster look at the memory that `receivedOf` filled. */
export function notFiniteIn({ reconstruction, kl, tensors }: Received, finite?: (data: Float32Array) => boolean): string | undefined {
  if (!Number.isFinite(reconstruction) || !Number.isFinite(kl)) return "the loss";
  const name = finite ? Object.keys(tensors).find((each) => !finite(tensors[each]!.data)) : findNonFinite(tensors);
  return name && `tensor ${name}`;
}
