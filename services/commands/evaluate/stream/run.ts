// `evaluate --stream`: reads what the evaluator of a data directory has kept of what arrived, and tells it by parts.
import { readFile } from "node:fs/promises";
import { valuesIn } from "../../../../shared/disk/json-lines.ts";
import { openError } from "../../../../shared/disk/opening.ts";
import { AppError } from "../../../../shared/errors/errors.ts";
import { plural } from "../../../../shared/health/views/figures.ts";
import { STANDING_HEAD, standingOf } from "../../../../shared/health/views/standing.ts";
import { prequentialLine } from "../../../../shared/judging/point.ts";
import { pathsOf } from "../../../../shared/runtime/paths.ts";
import { eventsOf, type PartOfRun, partsOf, scorers } from "./parts.ts";

/** Text for stdout. Throws FILE_MISSING, FILE_UNREADABLE, NOTHING_ARRIVED. */
export async function streamReport(dir: string, ends: readonly number[] | undefined, asJson: boolean): Promise<string> {
  const { prequential } = pathsOf(dir);
  const text = await readFile(prequential, "utf8").catch((error: unknown) => {
    throw openError(error, prequential);
  });
  const lines = valuesIn(text.split("\n"), prequentialLine);
  const parts = partsOf(lines, ends);
  if (parts.every(({ arrivals }) => arrivals === 0))
    throw new AppError("NOTHING_ARRIVED", { what: "no arrival was scored yet", path: prequential });
  const events = eventsOf(lines);
  return asJson ? `${JSON.stringify({ stream: dir, events, parts }, null, 2)}\n` : textOf(dir, events, parts);
}

function textOf(dir: string, events: number, parts: readonly PartOfRun[]): string {
  const n = (count: number) => count.toLocaleString("en-US");
  return [
    `${dir}: ${n(events)} events of the table`,
    STANDING_HEAD,
    ...parts.map((part) => {
      const { models, behind } = part;
      const facts = behind === null ? "" : `, ${plural(models, "model")} or more, pinned ${n(behind)} events before`;
      return standingOf(part, scorers, true, facts);
    }),
    "",
  ].join("\n\n");
}
