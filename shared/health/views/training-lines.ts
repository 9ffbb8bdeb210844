// Training in a terminal: a line of how the open step stands, and a table of its trainers, the slow ones marked. Pure.
import { activities, type Training } from "../facts/training.ts";
import { columns } from "./columns.ts";
import { entriesOf, noTrainer, rowOf } from "./trainers.ts";

const mostTrainers = 16;
const header = ["trainer", "state", "engine", "parts", "part", ...activities, "late / duplicate", "seen"];

/** Lines without their ends, indented as the rest of `status`. */
export function trainingLines(training: Training, at: number): string[] {
  const entries = entriesOf(training).map(({ title, value }) => `${title.toLowerCase()} ${value}`);
  return [`  ${entries.join(" · ")}`, ...trainerLines(training, at)];
}

function trainerLines(training: Training, at: number): string[] {
  const { trainers } = training;
  if (trainers.length === 0) return [`  ${noTrainer(training)}`];
  const shown = trainers.slice(0, mostTrainers).map((trainer) => rowOf(trainer, at));
  const rows = shown.map(({ name, word, engine, parts, partTime, split, late, seen }) => {
    const times = activities.map((activity) => split.find((each) => each.activity === activity)?.time ?? "–");
    return [name, word, engine, parts, partTime, ...times, late, seen];
  });
  const [first, ...lines] = columns(header, rows, 3);
  const more = trainers.length - shown.length;
  return [
    first!,
    ...lines.map((line, k) => (shown[k]!.isSlow ? `${line}  ! slow` : line)),
    ...(more > 0 ? [`  ... and ${more} more`] : []),
  ];
}
