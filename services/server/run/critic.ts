// RaCT's critic where the parameter server keeps it: weights and an Adam of its own, small enough to travel with every lease. No part of the model that is trained: only a checkpoint
// holds it. Between outer-epoch.ts and persistence.ts.
import { Kernels, type Moving } from "../../../shared/kernels/kernels.ts";
import { criticShapes, initialCritic } from "../../../shared/model/critic.ts";
import type { Weights } from "../../../shared/model/parameters.ts";
import type { WireTensor } from "../../../shared/wire/tensors.ts";
import type { Received } from "../desk/contributions.ts";

/** Names of the moments in a checkpoint's state. */
const firstMoment = (name: string) => `${name}.m`;
const secondMoment = (name: string) => `${name}.v`;

export class Critic {
  readonly #kernels = new Kernels();
  readonly #moving: ReadonlyMap<string, Moving>;
  /** Updates so far, the t of the bias correction. */
  updates: number;

  constructor(weights: Weights, updates = 0, state: Weights = {}) {
    const { memory } = this.#kernels;
    this.updates = updates;
    const placed = (name: string, length: number) => (state[name] ? memory.place(state[name].data) : memory.zeros(length));
    this.#moving = new Map(
      criticShapes.map(([name]) => {
        const { data } = weights[name]!;
        const moments = { m: placed(firstMoment(name), data.length), v: placed(secondMoment(name), data.length) };
        return [name, { weights: memory.place(data), ...moments }];
      }),
    );
  }

  /** What every lease brings along, as it is until the next step. */
  tensors(): WireTensor[] {
    return criticShapes.map(([name, shape]) => ({ name, shape, data: this.#moving.get(name)!.weights.slice() }));
  }

  /** One step by the sum of what the parts answered, in part order. */
  step(parts: readonly Pick<Received, "tensors">[], learningRate: number): void {
    const rate = { t: ++this.updates, learningRate };
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
