// The rule on services that a disk holds up; ingest says so in its own way. Pure.
import type { Flow } from "../facts/flow.ts";
import { commonOf } from "../status/readings.ts";
import type { Problem } from "./problem.ts";

const codes = new Map([
  ["replay", "REPLAY_WAITS"],
  ["server", "SERVER_WAITS"],
  ["evaluator", "EVALUATOR_WAITS"],
] as const);

export function waitingProblems({ processes }: Flow): Problem[] {
  return processes.flatMap(({ service, status }): Problem[] => {
    const code = codes.get(service as "replay");
    const why = commonOf(status).heldUp;
    return code === undefined || why === null ? [] : [{ code, level: "red", numbers: { why } }];
  });
}
