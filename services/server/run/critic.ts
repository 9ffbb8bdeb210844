// RaCT's critic where the parameter server keeps it: weights and an Adam of its own, small enough to travel with every
// lease. No part of the model that is trained: only a checkpoint holds it. Between outer-epoch.ts and persistence.ts.
import { Kernels, type Moving } from "../../../shared/compute/kernels/kernels.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import { criticShapes, initialCritic } from "../../../shared/neural/critic.ts";
import type { Weights } from "../../../shared/neural/parameters.ts";
import type { WireTensor } from "../../../shared/training/tensors.ts";
import type { Received } from "../scheduler/contributions.ts";

/** Names of the moments in a checkpoint's state. */
const firstMoment = (name: string) => `${name}.m`;
const secondMoment = (name: string) => `${name}.v`;

/** Key of the draws of its first weights: far from those of a model's. */
const STREAM = 4000;

export class Critic {
  readonly #kernels = new Kernels();
  readonly #learningRate: number;
  readonly #moving: ReadonlyMap<string, Moving>;
  /** Updates so far, the t of the bias correction. */
  updates: number;

  /**
   * `before`: what `state()` gave and the updates until then; without it the weights are drawn and Adam begins. Throws
   * CHECKPOINT_CORRUPT where a tensor is missing.
   */
  constructor(learningRate: number, seed: number, before?: { readonly state: Weights; readonly updates: number }) {
    const { memory } = this.#kernels;
    this.#learningRate = learningRate;
    this.updates = before?.updates ?? 0;
    const first = initialCritic(seed, STREAM);
    const restored = (name: string, length: number): Float32Array => {
      const data = before!.state[name]?.data;
      if (data?.length === length) return memory.place(data);
      throw new AppError("CHECKPOINT_CORRUPT", { what: `tensor ${name} of the critic is missing, or of another size` });
    };
    this.#moving = new Map(
      Object.entries(first).map(([name, { data }]) => {
        const length = data.length;
        if (!before) return [name, { weights: memory.place(data), m: memory.zeros(length), v: memory.zeros(length) }];
        return [
          name,
          {
            weights: restored(name, length),
            m: restored(firstMoment(name), length),
            v: restored(secondMoment(name), length),
          },
        ];
      }),
    );
  }

  /** What every lease brings along, as it is until the next step. */
  tensors(): WireTensor[] {
    return criticShapes.map(([name, shape]) => ({ name, shape, data: this.#moving.get(name)!.weights.slice() }));
  }

  /** One step by the sum of what the parts answered, in part order. */
  step(parts: readonly Pick<Received, "tensors">[]): void {
    const rate = { t: ++this.updates, learningRate: this.#learningRate };
    for (const [name, moving] of this.#moving)
      this.#kernels.adam(
        moving,
        parts.map(({ tensors }) => tensors[name]!.data),
        rate,
      );
  }

  /** Weights and moments, for a checkpoint. */
  state(): Weights {
    return Object.fromEntries(
      criticShapes.flatMap(([name, shape]) => {
        const { weights, m, v } = this.#moving.get(name)!;
        const tensor = (data: Float32Array) => ({ shape: [...shape], data: data.slice() });
        return [
          [name, tensor(weights)],
          [firstMoment(name), tensor(m)],
          [secondMoment(name), tensor(v)],
        ];
      }),
    );
  }
}
