// Golden checks of the ranking losses and of the critic: a fixture of each model against numbers computed in float64
// elsewhere.
import { expect } from "vitest";
import { Kernels } from "../../../shared/compute/kernels/kernels.ts";
import { actorLoss, criticLoss, type Features, guess } from "../../../shared/neural/critic.ts";
import { lambdarank } from "../../../shared/neural/lambdarank.ts";
import type { Weights } from "../../../shared/neural/parameters.ts";
import { warp } from "../../../shared/neural/warp.ts";
import { deviation } from "../recvae.ts";
import type { Checks } from "./check.ts";

const tolerance = 1e-4;

interface Scored {
  scores: number[][];
  batch: number[][];
}
interface Warp extends Scored {
  coefficients: number[][];
  lossPerUser: number[];
}
interface Lambdarank extends Scored {
  gradient: number[][];
}
type Arrays = Record<string, number[] | number[][]>;
interface Critic {
  config: { learningRate: number; l2: number };
  features: Features[];
  ndcg: number[];
  weights: Arrays;
  critic: { output: number[]; loss: number; gradients: Arrays; weightsAfterAdam: Arrays };
  actor: { loss: number; gradientOfNll: number[] };
}

export const lossChecks: Checks = {
  warp(_, fixture) {
    const { scores, batch, coefficients, lossPerUser } = fixture as Warp;
    const found = everyUser(warp, { scores, batch });
    expect(deviation(found.losses, lossPerUser)).toBeLessThan(tolerance);
    found.gradients.forEach((gradient_I, user) => {
      expect(deviation(gradient_I, coefficients[user]!), `user ${user}`).toBeLessThan(tolerance);
    });
  },

  lambdanet(_, fixture) {
    const { scores, batch, gradient } = fixture as Lambdarank;
    everyUser(lambdarank, { scores, batch }).gradients.forEach((gradient_I, user) => {
      expect(deviation(gradient_I, gradient[user]!), `user ${user}`).toBeLessThan(tolerance);
    });
  },

  ract(_, fixture) {
    const { config, features, ndcg, weights, critic, actor } = fixture as Critic;
    const own = weightsOf(weights);
    const made = guess(own, features);
    const { loss, gradients } = criticLoss(own, made, ndcg, config.l2);
    expect(deviation(made.ndcg_B, critic.output)).toBeLessThan(tolerance);
    expect(deviation([loss], [critic.loss])).toBeLessThan(tolerance);
    expectClose(gradients, critic.gradients);
    expectClose(afterAdam(own, gradients, config.learningRate), critic.weightsAfterAdam);
    const ofActor = actorLoss(own, made);
    expect(deviation([ofActor.loss], [actor.loss])).toBeLessThan(tolerance);
    expect(deviation(ofActor.dNll_B, actor.gradientOfNll)).toBeLessThan(tolerance);
  },
};

type Loss = (scores_I: Float32Array, row: Int32Array, gradient_I: Float32Array) => number;

function everyUser(loss: Loss, { scores, batch }: Scored) {
  // what is left unwritten shows
  const gradients = scores.map(({ length }) => new Float32Array(length).fill(Number.NaN));
  const values = scores.map((each, user) =>
    loss(Float32Array.from(each), Int32Array.from(batch[user]!), gradients[user]!),
  );
  return { losses: values, gradients };
}

function weightsOf(arrays: Arrays): Weights {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, values]) => {
      const [first] = values;
      const shape = Array.isArray(first) ? [values.length, first.length] : [values.length];
      return [`critic.${name}`, { shape, data: Float32Array.from(values.flat()) }];
    }),
  );
}

function expectClose(actual: Weights, arrays: Arrays): void {
  for (const [name, { shape, data }] of Object.entries(weightsOf(arrays))) {
    expect(actual[name]?.shape, name).toEqual(shape);
    expect(deviation(actual[name]!.data, data), name).toBeLessThan(tolerance);
  }
}

/** One update from moments of 0, by the kernel that the server takes. */
function afterAdam(weights: Weights, gradients: Weights, learningRate: number): Weights {
  const kernels = new Kernels();
  const { memory } = kernels;
  return Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => {
      const moving = { weights: memory.place(data), m: memory.zeros(data.length), v: memory.zeros(data.length) };
      kernels.adam(moving, [gradients[name]!.data], { t: 1, learningRate });
      return [name, { shape, data: moving.weights.slice() }];
    }),
  );
}
