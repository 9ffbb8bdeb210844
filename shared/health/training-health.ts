// The rules on trainers that hold a step up and on checkpoints that are missing: the part of health.ts that needs the parameter server's answer alone. Pure.
import { printable } from "../runtime/printable.ts";
import { duration } from "./figures.ts";
import type { Problem } from "./problem.ts";
import { nameOf } from "./trainers.ts";
import { ageOf, type Server } from "./training.ts";

/** Seconds. */
const OLD = 600;
const mostNamed = 3;

export function trainerProblems({ trainers }: Server): Problem[] {
  return [
    ...inState("suspect", "did not return a part in time", "its parts go to others meanwhile; read its log, or stop it: nothing is lost"),
    ...inState(
      "clogged",
      "does not take what it is sent",
      "it gets no part until it has caught up; look at the network between it and the server",
    ),
  ];

  function inState(state: string, what: string, hint: string): Problem[] {
    const names = trainers.filter((trainer) => trainer.state === state).map(nameOf);
    if (names.length === 0) return [];
    const more = names.length - mostNamed;
    const named = `${names.slice(0, mostNamed).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
    return [{ box: "batches", level: "amber", word: state, reason: `A trainer ${what}: ${named}`, hint }];
  }
}

export function checkpointProblems({ state, checkpoint }: Server, now: number): Problem[] {
  if (checkpoint?.lastError) {
    const reason = `The checkpoint could not be written: ${printable(checkpoint.lastError, 200)}`;
    const hint = "training goes on, but a crash would cost all since the last one: look at the disk and the folder given by --out";
    return [{ box: "checkpoint", level: "red", word: "not saved", reason, hint }];
  }
  const age = ageOf(checkpoint, now) ?? 0;
  if (state !== "training" || age <= OLD) return [];
  const reason = `The newest checkpoint is ${duration(age)} old`;
  const hint = "checkpoints are made between two steps: see what the trainers are doing, and read the server's log";
  return [{ box: "checkpoint", level: "amber", word: "old", reason, hint }];
}
