// The rule on services that end again and again, by what `up` says of them, as problems of the stages that they stand
// for. Pure.
import type { Flow } from "../facts/flow.ts";
import { type Level, type Problem, type Supervised, worstOf } from "./problem.ts";

/**
 * The dashboard has no stage: where it ends again and again nobody sees the page, and `up` tells of it. Trainers have
 * numbers.
 */
const stages = [
  [/^replay$/, "replay", "REPLAY_ENDS", "REPLAY_GAVE_UP"],
  [/^Kafka$/, "Kafka", "INGEST_NO_KAFKA", "INGEST_GAVE_UP"],
  [/^ingest$/, "ingest", "INGEST_ENDS", "INGEST_GAVE_UP"],
  [/^trainer/, "trainer", "TRAINER_ENDS", "TRAINER_GAVE_UP"],
  [/^server$/, "server", "SERVER_ENDS", "SERVER_GAVE_UP"],
  [/^evaluator$/, "evaluator", "EVALUATOR_ENDS", "EVALUATOR_GAVE_UP"],
  [/^serve$/, "serve", "SERVE_ENDS", "SERVE_GAVE_UP"],
] as const satisfies readonly (readonly [RegExp, Supervised, Problem["code"], Problem["code"]])[];

const isTrouble = (level: string | null): level is Level => level === "amber" || level === "red";

export function supervisionProblems({ up }: Flow): Problem[] {
  const services = up?.status?.services ?? [];
  return stages.flatMap(([name, who, ends, gaveUp]): Problem[] => {
    const troubled = services.flatMap(({ level, ...each }) =>
      name.test(each.name) && isTrouble(level) ? [{ level, ...each }] : [],
    );
    const worst = worstOf(troubled);
    if (!worst) return [];
    const { level, state, deaths, seconds, reason: why } = worst;
    if (state === "failed") return [{ code: gaveUp, level: "red", numbers: { who, why } }];
    return [{ code: ends, level, numbers: { who, deaths, seconds, why } }];
  });
}
