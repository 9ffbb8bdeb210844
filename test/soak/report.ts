// The soak's report as Markdown. Pure.
import type { Mark } from "./figure.ts";
import { type Course, coursesOf, type Evidence, holds, type Verdict } from "./judge.ts";

export interface Told {
  readonly seconds: number;
  readonly seed: number;
  readonly rate: number;
  readonly startedAt: string;
  readonly machine: string;
  readonly marks: readonly Mark[];
  readonly evidence: Evidence;
  readonly verdicts: readonly Verdict[];
}

export function reportOf({ seconds, seed, rate, startedAt, machine, marks, evidence, verdicts }: Told): string {
  const { quiet, samples, failures } = evidence;
  const minutes = (s: number) => (s / 60).toFixed(1);
  return [
    `# Soak: ${holds(verdicts) ? "passed" : "FAILED"}`,
    "",
    `${minutes(seconds)} minutes from ${startedAt}, seed ${seed}, ${rate} events/s, ${machine}. Quiet from minute ` +
      `${minutes(quiet.began)}, judged from ${minutes(quiet.from)} to ${minutes(quiet.to)}.`,
    "",
    "![every process over time](soak.svg)",
    "",
    ...table(
      ["", "check", "found"],
      verdicts.map(({ name, holds, told }) => [holds === undefined ? "–" : holds ? "✓" : "✗", name, told]),
    ),
    "",
    "## Processes in the judged part",
    "",
    ...table(
      ["process", "MB from", "to", "MB/min", "descriptors", "threads"],
      coursesOf(samples, quiet).map(courseLine),
    ),
    "",
    "## Faults",
    "",
    ...table(
      ["at", "what"],
      marks.map(({ at, to, what }) => [
        `${Math.round(at)} s`,
        to === undefined ? what : `${what}, until ${Math.round(to)} s`,
      ]),
    ),
    "",
    ...(failures.length > 0 ? ["## What `up` did not mend", "", ...failures.map((each) => `- ${each}`), ""] : []),
    "## Logs, MB",
    "",
    ...table(
      ["log", "before the quiet part", "at the end"],
      evidence.logs.map(({ name, before, after }) => [name, before.toFixed(2), after.toFixed(2)]),
    ),
    "",
  ].join("\n");
}

function courseLine({ name, pid, from, to, slope, descriptors, threads }: Course): string[] {
  const flat = ({ median, rise }: Course["threads"]) => `${median} (${rise < 0 ? "" : "+"}${rise})`;
  return [`${name} ${pid}`, from.toFixed(1), to.toFixed(1), slope.toFixed(2), flat(descriptors), flat(threads)];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}
