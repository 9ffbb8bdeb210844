// The rules on the parameter server, its trainers and its checkpoints: it must run, take steps with all trainers that
// are to be there, and save what it has learned. Pure.
import type { Flow } from "../facts/flow.ts";
import type { Memory } from "../facts/memory.ts";
import { expectedTrainers, isSettled } from "../facts/state.ts";
import { ageOf, type Server } from "../facts/training.ts";
import { presence, silences } from "./presence.ts";
import type { Problem } from "./problem.ts";

/** Seconds without a step, and of a checkpoint's age, from which on it is a problem. */
const limits = { noStep: 60, checkpointAge: 600 } as const;

export function trainingProblems(flow: Flow, memory: Memory): Problem[] {
  const found = presence(flow, "SERVER", flow.server, silences.computing);
  const status = flow.server?.status;
  if (found.length > 0 || !status) return found;
  const alone =
    status.state === "waiting for trainers" || (status.state === "training" && status.trainers.length === 0);
  const [connected, expected] = [status.trainers.length, expectedTrainers(flow, memory)];
  if (alone) {
    if (isSettled(flow)) found.push({ code: "TRAINER_MISSING", level: "red", numbers: { hint: status.hint } });
  } else if (status.state === "training" && flow.now - memory.stepAt > limits.noStep * 1000 && memory.step !== null) {
    const numbers = { seconds: (flow.now - memory.stepAt) / 1000, trainers: connected };
    found.push({ code: "SERVER_STALLED", level: "red", numbers });
  }
  const silent = flow.trainers.filter((trainer) => trainer.silence > silences.computing * 1000).length;
  if (silent > 0)
    found.push({ code: "TRAINER_SILENT", level: "amber", numbers: { silent, all: flow.trainers.length } });
  else if (!alone && isSettled(flow) && expected > connected)
    found.push({ code: "TRAINER_PARTIAL", level: "amber", numbers: { connected, expected } });
  return [...found, ...heldUpBy(status), ...checkpointProblems(status, flow.now)];
}

/** Trainers that a step waits for. */
function heldUpBy({ trainers }: Server): Problem[] {
  const states = [
    ["suspect", "TRAINER_SUSPECT"],
    ["clogged", "TRAINER_CLOGGED"],
  ] as const;
  return states.flatMap(([state, code]): Problem[] => {
    const found = trainers.filter((trainer) => trainer.state === state);
    return found.length === 0 ? [] : [{ code, level: "amber", numbers: { trainers: found } }];
  });
}

function checkpointProblems({ state, checkpoint }: Server, now: number): Problem[] {
  if (checkpoint?.lastError)
    return [{ code: "SERVER_NOT_SAVED", level: "red", numbers: { why: checkpoint.lastError } }];
  const seconds = ageOf(checkpoint, now) ?? 0;
  return state === "training" && seconds > limits.checkpointAge
    ? [{ code: "SERVER_OLD", level: "amber", numbers: { seconds } }]
    : [];
}
