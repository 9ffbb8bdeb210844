// The rules that turn a stage amber or red, in the order in which data flows. Pure, of facts alone: none reads a text
// that was made for eyes.
import type { Flow } from "../facts/flow.ts";
import type { Memory } from "../facts/memory.ts";
import { isDraining, isNothing, isTrainingRun } from "../facts/state.ts";
import { evaluatorProblems } from "./evaluator.ts";
import { ingestProblems } from "./ingest.ts";
import { type BoxId, boxes, boxOf, type Code, type Problem } from "./problem.ts";
import { serveProblems } from "./serve.ts";
import { supervisionProblems } from "./supervision.ts";
import { trainingProblems } from "./training.ts";
import { waitingProblems } from "./waiting.ts";

/** Every problem, upstream first; empty while the flow starts or drains. */
export function problemsOf(flow: Flow, memory: Memory): Problem[] {
  if (isNothing(flow) || isDraining(flow)) return [];
  const supervised = supervisionProblems(flow);
  const found = [
    ...waitingProblems(flow),
    ...ingestProblems(flow, memory),
    ...trainingProblems(flow, memory),
    ...evaluatorProblems(flow),
    ...serveProblems(flow),
  ];
  // `up` starts a service again by itself, and says why it is missing: nobody needs to start it.
  const isExpected = (box: BoxId) =>
    !supervised.some(({ code }) => boxOf[code] === box) && !(isTrainingRun(flow) && beyondTraining.has(box));
  return inOrder([...supervised, ...found.filter(({ code }) => !isMissing(code) || isExpected(boxOf[code]))]);
}

/** See ByEnd in problem.ts. */
const isMissing = (code: Code) => code.endsWith("_MISSING");
const beyondTraining: ReadonlySet<BoxId> = new Set(["waiting", "quality", "requests"]);

const inOrder = (problems: readonly Problem[]) =>
  boxes.flatMap((id) => problems.filter(({ code }) => boxOf[code] === id));
