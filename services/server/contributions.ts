// What a trainer's answer must look like before it may become part of a step. Between desk.ts and optimizer.ts.
import type { ModelConfig } from "../../shared/model/config.ts";
import type { Spent } from "../../shared/model/laps.ts";
import { findNonFinite, shapesOf, type Weights } from "../../shared/model/parameters.ts";
import { AppError } from "../../shared/runtime/errors.ts";
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

/** Throws FRAME_MALFORMED when a tensor is missing, out of order, of another shape or one too many: the peer's fault, the run goes on. */
export function shapesChecked({ phase }: Contribution, described: readonly Described[], config: ModelConfig, users: number): void {
  const expected = expectedShapes(phase, config, users);
  if (described.length !== expected.length)
    throw new AppError("FRAME_MALFORMED", { what: `${described.length} tensors where ${expected.length} belong`, phase });
  expected.forEach(([name, shape], k) => {
    const found = described[k]!;
    if (found.name !== name || found.type !== "f32" || found.shape.join() !== shape.join())
      throw new AppError("FRAME_MALFORMED", {
        what: `tensor ${k} is ${found.name} ${found.type} [${found.shape}], not ${name} f32 [${shape}]`,
        phase,
      });
  });
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
