// What `up` says of services that end again and again, as problems of the stages that they stand for. Pure.
import { printable } from "../runtime/printable.ts";
import { duration } from "./figures.ts";
import type { BoxId, Problem } from "./problem.ts";
import type { Flow } from "./statuses.ts";

/** The dashboard has no stage: where it ends again and again nobody sees the page, and `up` tells of it. */
const stages: readonly (readonly [name: RegExp, box: BoxId, title: string, word: string])[] = [
  [/^replay$/, "events", "Replay", "ends"],
  [/^Kafka$/, "waiting", "Kafka", "no Kafka"],
  [/^ingest$/, "waiting", "Ingest", "ends"],
  [/^trainer/, "batches", "A trainer", "ends"],
  [/^server$/, "training", "The parameter server", "ends"],
  [/^evaluator$/, "quality", "The evaluator", "ends"],
  [/^serve$/, "requests", "Serve", "ends"],
];

export function supervisionProblems({ up }: Flow): Problem[] {
  const services = up?.status?.services ?? [];
  return stages.flatMap(([name, box, title, word]) => {
    const troubled = services.filter((each) => name.test(each.name) && (each.level === "amber" || each.level === "red"));
    const worst = troubled.find(({ level }) => level === "red") ?? troubled[0];
    if (!worst) return [];
    const why = printable(worst.reason ?? "nobody knows why", 200);
    if (worst.state === "failed") {
      const hint = "mend the file and start `up` again; the rest goes on meanwhile";
      return [{ box, level: "red", word: "gave up", reason: `${title} has given up: ${why}`, hint }];
    }
    const reason = `${title} has ended ${worst.deaths} times in ${duration(worst.seconds)}: ${why}`;
    const level = worst.level === "red" ? "red" : "amber";
    return [{ box, level, word, reason, hint: "`up` starts it again and again; its log in the folder logs says more" }];
  });
}
