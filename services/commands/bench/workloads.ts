// From what a step was measured to cost, what steps of other sizes cost: for the simulation of scale.ts. Pure. Times
// are processor time of one thread, ms.
import { bagWidth, latentOf } from "../../../shared/neural/recipe.ts";
import { defaults, recipeOf } from "../../../shared/systems/recvae/settings.ts";
import type { Costs } from "./costs.ts";
import type { Workload } from "./simulation.ts";
import { bytesOfGroup, trafficOf } from "./traffic.ts";
import type { TrainedPhase } from "./window.ts";

const sum = (seconds: Readonly<Record<string, number>>, ...names: string[]) =>
  names.reduce((total, name) => total + (seconds[name] ?? 0), 0);

/** What follows from a run of `costs.size`, a user or a part. */
function measured({ size, ...costs }: Costs, phase: TrainedPhase) {
  const { server, trainers } = costs[phase];
  const parts = Math.ceil(size.batch / size.partSize);
  const bags = sum(server, "bags");
  return {
    computePerUser: sum(trainers, "compute") / size.batch,
    handlingPerPart: sum(trainers, "receive", "send", "rest") / parts,
    // The way back through the bags, a part of Adam, touches what the way there does.
    perUser: (bags + (phase === "encoder" ? bags : 0) + sum(server, "plan")) / size.batch,
    perStep: Math.max(0, sum(server, "adam") - (phase === "encoder" ? bags : 0)) + sum(server, "send"),
    // Each answer is read twice: when it is checked, and when Adam adds it.
    perPart: (sum(server, "receive", "rest") + 2 * sum(server, "add")) / parts,
  };
}

/** `parts` parts a step, whose gradients are added. */
export function exactStep(costs: Costs, phase: TrainedPhase, parts: number, partSize: number): Workload {
  const { computePerUser, handlingPerPart, perUser, perStep, perPart } = measured(costs, phase);
  const config = recipeOf({ ...defaults, items: costs.size.items });
  const one = trafficOf(phase, { config, batch: partSize, partSize, perUser: costs.size.perUser, copies: 0 });
  return {
    phase,
    parts,
    computeMs: partSize * computePerUser,
    handlingMs: handlingPerPart,
    stepMs: perStep + parts * partSize * perUser,
    contributionMs: perPart,
    weightBytes: bytesOfGroup(phase === "encoder" ? "hidden" : "decoder", config),
    leaseBytes: one.sent,
    answerBytes: one.received,
  };
}

/**
 * An outer step: each trainer takes `every` batches on its own, in steps of one part with bags and Adam, then sends
 * what moved; of the first layer the rows that its users touch. All of it as bfloat16, as is local mode's default.
 * Costs of bytes are those of the exact step, a byte.
 */
export function outerStep(
  costs: Costs,
  phase: TrainedPhase,
  trainers: number,
  every: number,
  touched: number,
): Workload {
  const { size } = costs;
  const own = measured(costs, phase);
  const exact = exactStep(costs, phase, 1, size.partSize);
  const config = recipeOf({ ...defaults, items: size.items });
  const users = every * size.batch;
  const rows = 2 * touched * bagWidth(config);
  const group = bytesOfGroup(phase === "encoder" ? "hidden" : "decoder", config) / 2;
  const posteriors = 4 * users * 2 * latentOf(config);
  const lists = 4 * users * (size.perUser + 2);
  const leaseBytes = lists + rows + (phase === "encoder" ? posteriors : 0);
  const answerBytes = group + (phase === "encoder" ? rows : posteriors);
  const { server } = costs[phase];
  const steps = every * Math.ceil(size.batch / size.partSize);
  return {
    phase,
    parts: trainers,
    computeMs: users * own.computePerUser + every * sum(server, "bags", "plan") + steps * sum(server, "adam"),
    handlingMs: (own.handlingPerPart * (leaseBytes + answerBytes)) / (exact.leaseBytes + exact.answerBytes),
    stepMs: (sum(server, "send") * (group + trainers * leaseBytes)) / exact.weightBytes,
    contributionMs: (own.perPart * answerBytes) / exact.answerBytes,
    weightBytes: group,
    leaseBytes,
    answerBytes,
  };
}
