// What a trainer's answer must look like before it may become part of a step. Between desk.ts and optimizer.ts.
import type { ModelConfig } from "../../shared/model/config.ts";
import type { Spent } from "../../shared/model/laps.ts";
import { shapesOf, type Weights } from "../../shared/model/parameters.ts";
import { AppError } from "../../shared/runtime/errors.ts";
import type { Decoded } from "../../shared/wire/frames.ts";
import { type Contribution, type Phase, phases, scored } from "../../shared/wire/messages.ts";

export interface Received {
  readonly reconstruction: number;
  readonly kl: number;
  /** Seconds that the trainer spent, by section. */
  readonly spent: Spent;
  readonly tensors: Weights;
}

/** Name and shape of every tensor that answers a part of `users` users. */
function expectedShapes(phase: Phase, config: ModelConfig, users: number): [name: string, shape: number[]][] {
  const posterior: [string, number[]][] = [
    ["mu", [users, config.latent]],
    ["logvar", [users, config.latent]],
  ];
  switch (phase) {
    case "posterior":
      return posterior;
    case "encoder":
      return [...shapesOf("hidden", config), ["dBag", [users, config.hidden]]];
    case "decoder":
      return [...shapesOf("decoder", config), ...posterior];
    case "joint":
      return [...shapesOf("hidden", config), ...shapesOf("decoder", config), ["dBag", [users, config.hidden]]];
    case "score":
      return [["metrics", [users, scored.length]]];
  }
}

/** Largest answer in bytes, the header's room included. */
export function largestAnswer(config: ModelConfig, partSize: number): number {
  const floats = phases.map((phase) =>
    expectedShapes(phase, config, partSize).reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b), 0),
  );
  return 4 * Math.max(...floats) + 2 ** 20;
}

/** Throws FRAME_MALFORMED when a tensor is missing, has another shape or is one too many: the peer's fault, the run goes on. */
export function shapesChecked(head: Contribution, { tensors }: Decoded, config: ModelConfig, users: number): Received {
  const expected = expectedShapes(head.phase, config, users);
  if (tensors.size !== expected.length)
    throw new AppError("FRAME_MALFORMED", { what: `${tensors.size} tensors where ${expected.length} belong`, phase: head.phase });
  const checked: Weights = {};
  for (const [name, shape] of expected) {
    const found = tensors.get(name);
    if (!found || !(found.data instanceof Float32Array) || found.shape.join() !== shape.join())
      throw new AppError("FRAME_MALFORMED", { what: `tensor ${name} is not f32 [${shape}]`, phase: head.phase });
    checked[name] = { shape, data: found.data };
  }
  return { reconstruction: head.reconstruction ?? Number.NaN, kl: head.kl ?? Number.NaN, spent: head.spent, tensors: checked };
}

/** The run's fault, not the peer's: throws NOT_FINITE before anything is applied. Gradients, far larger, are checked where they are applied (optimizer.ts). */
export function finiteChecked({ reconstruction, kl, tensors }: Received, step: number): void {
  if (!Number.isFinite(reconstruction) || !Number.isFinite(kl)) throw new AppError("NOT_FINITE", { what: "the loss is not finite", step });
  for (const name of ["mu", "logvar"]) {
    if (tensors[name] && !tensors[name].data.every(Number.isFinite))
      throw new AppError("NOT_FINITE", { what: `the posterior's ${name} is not finite`, step });
  }
}
