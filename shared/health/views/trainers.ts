// The table of trainers and the line above it, as texts: the page and a terminal write the same. Pure, and without zod,
// which the page's rules on scripts forbid.
import { printable } from "../../runtime/printable.ts";
import { activities, type Trainer, type Training } from "../facts/training.ts";
import { bytes, count, duration, elapsed, type Figure, plural } from "./figures.ts";

interface Entry {
  readonly title: string;
  readonly value: string;
}

/** How the run stands, in the order in which one asks. */
export function entriesOf({
  step,
  phase,
  parts,
  deadlineMs,
  contributions,
  bytesPerStep,
  checkpointAge,
  itemsWaiting,
}: Training): Entry[] {
  const { total = null, leased = null, done = null } = parts ?? {};
  const open = total === null ? null : total - (leased ?? 0) - (done ?? 0);
  const { late = null, duplicate = null, rejected = null } = contributions ?? {};
  const { sent = null, received = null } = bytesPerStep ?? {};
  return [
    { title: "Step", value: phase === null ? count(step) : `${count(step)}, ${phase}` },
    { title: "Parts", value: parts ? `${count(open)} open, ${count(leased)} leased, ${count(done)} done` : "–" },
    { title: "Deadline of a part", value: elapsed(deadlineMs === null ? null : deadlineMs / 1000) },
    { title: "Sent and received a step", value: bytesPerStep ? `${bytes(sent)}, ${bytes(received)}` : "–" },
    {
      title: "Contributions",
      value: contributions ? `${count(late)} late, ${count(duplicate)} duplicate, ${count(rejected)} rejected` : "–",
    },
    { title: "Checkpoint", value: checkpointAge === null ? "none yet" : `${duration(checkpointAge)} old` },
    ...(itemsWaiting ? [{ title: "New items that wait", value: `${count(itemsWaiting)}, for more users` }] : []),
  ];
}

/** What stands where the rows would; commands in backticks. */
export function noTrainer(training: Training | null): string {
  if (!training) return "no parameter server has answered yet";
  const address = training.listen ?? "ws://HOST:PORT";
  return `no trainer is connected: start one with \`tributary trainer --server ${address}\``;
}

export interface TrainerRow {
  readonly id: string;
  readonly name: string;
  readonly engine: string;
  readonly state: Figure["state"];
  readonly word: string;
  readonly parts: string;
  readonly partTime: string;
  readonly isSlow: boolean;
  /** Of the trainer's time; empty while nothing was timed. */
  readonly split: readonly {
    readonly activity: (typeof activities)[number];
    readonly share: number;
    readonly time: string;
  }[];
  readonly late: string;
  readonly seen: string;
}

const colours: Record<string, Figure["state"]> = {
  computing: "ok",
  waiting: "off",
  suspect: "amber",
  clogged: "amber",
};
const mostOfName = 60;

/** `at` in ms since 1970. */
export function rowOf(trainer: Trainer, at: number): TrainerRow {
  const { id, name, state, parts, late, duplicate, partMs, isSlow, lastSeenAt } = trainer;
  return {
    id: id ?? name ?? "",
    name: nameOf(trainer),
    engine: engineOf(trainer),
    state: colours[state ?? ""] ?? "off",
    word: state ?? "–",
    parts: count(parts),
    partTime: elapsed(partMs === null ? null : partMs / 1000),
    isSlow,
    split: splitOf(trainer),
    late: `${count(late)} / ${count(duplicate)}`,
    seen: lastSeenAt === null ? "–" : `${duration((at - lastSeenAt) / 1000)} ago`,
  };
}

/** Trainers name themselves as they like. */
export const nameOf = ({ name, id }: Pick<Trainer, "name" | "id">): string => printable(name ?? id ?? "–", mostOfName);

function engineOf({ engine, device, threads, tensorsBy }: Trainer): string {
  const on = device === null ? engine : `${engine ?? "–"} on ${device}`;
  const by = tensorsBy === "memory" ? "shared memory" : tensorsBy;
  return (
    [on, threads === null ? null : plural(threads, "thread"), by].filter((part) => part !== null).join(", ") || "–"
  );
}

function splitOf({ seconds, parts }: Trainer): TrainerRow["split"] {
  const total = activities.reduce((sum, activity) => sum + (seconds?.[activity] ?? 0), 0);
  if (!seconds || total === 0) return [];
  return activities.map((activity) => {
    const spent = seconds[activity] ?? 0;
    return { activity, share: spent / total, time: elapsed(spent / Math.max(1, parts ?? 0)) };
  });
}
