// The verdicts of a soak, of what was seen alone. Pure: evidence in, lines that hold or do not out. main.ts gathers,
// report.ts shows.
import { type Target, targets } from "./plan.ts";
import { medianOf, riseOf, slopeOf } from "./slope.ts";
import type { Sample, Seen } from "./tree.ts";

export interface Verdict {
  readonly name: string;
  /** Undefined: it could not be tried, `told` says why. */
  readonly holds: boolean | undefined;
  readonly told: string;
}

/** The quiet part, seconds since the soak began; judged from `from` on. */
export interface Quiet {
  readonly began: number;
  readonly from: number;
  readonly to: number;
}

export interface Rows {
  /** Offsets that Kafka holds. */
  readonly produced: number;
  readonly rows: number;
  readonly dead: number;
  readonly filtered: number;
  readonly problems: readonly string[];
  /** The soak's own events, each acknowledged and known by its number. */
  readonly own: { readonly sent: number; readonly lost: readonly number[] };
  /** Its malformed ones, which belong to the dead letters. */
  readonly ownBad: { readonly sent: number; readonly found: number };
}

export interface Answers {
  readonly right: number;
  readonly wrong: readonly string[];
  /** Their version's files were gone before they could be read. */
  readonly unchecked: number;
  readonly versions: number;
  /** Why there was none, and how often; and of those, in the quiet part. */
  readonly none: Readonly<Record<string, number>>;
  readonly noneInQuiet: number;
}

export interface Size {
  readonly name: string;
  /** MB when the quiet part began, and at its end. */
  readonly before: number;
  readonly after: number;
}

export interface Evidence {
  readonly quiet: Quiet;
  readonly samples: readonly Sample[];
  readonly rows: Rows | string;
  readonly answers: Answers;
  /** What `up` was to do and did not: ends by itself, a phase after which the flow stood still. */
  readonly failures: readonly string[];
  readonly left: readonly string[];
  readonly logs: readonly Size[];
  readonly registrations: number;
  /** What was not tried, and why. */
  readonly skipped: Readonly<Record<string, string>>;
}

/** That `up` starts by default. */
const TRAINERS = 2;
const limits = { slope: 1, warmMinutes: 10, descriptors: 2, threads: 2, log: 32, logSlope: 0.1 };

export interface Course {
  readonly name: string;
  readonly pid: number;
  readonly from: number;
  readonly to: number;
  /** MB a minute. */
  readonly slope: number;
  readonly descriptors: { readonly median: number; readonly rise: number };
  readonly threads: { readonly median: number; readonly rise: number };
}

/** Of each process that lived through all that is judged. */
export function coursesOf(samples: readonly Sample[], quiet: Quiet): Course[] {
  const judged = samples.filter(({ at }) => at >= quiet.from && at <= quiet.to);
  const first = judged[0]?.processes ?? [];
  return first.flatMap(({ pid, name }) => {
    const own = judged.flatMap(({ at, processes }) =>
      processes.filter((each) => each.pid === pid).map((each) => ({ at, ...each })),
    );
    if (!isTarget(name) || own.length < judged.length) return [];
    const flat = (field: "descriptors" | "threads") => {
      const values = own.map((each) => each[field]);
      return { median: medianOf(values), rise: riseOf(values) };
    };
    const memory = own.map(({ at, rss }) => ({ at, value: rss }));
    const course = { name, pid, from: own[0]!.rss, to: own.at(-1)!.rss, slope: 60 * slopeOf(memory) };
    return [{ ...course, descriptors: flat("descriptors"), threads: flat("threads") }];
  });
}

/** Services that ended or began in the quiet part. */
function changesIn(samples: readonly Sample[], { began, to }: Quiet): string[] {
  const quiet = samples.filter(({ at }) => at >= began && at <= to);
  const services = ({ processes }: Sample) => processes.filter(({ name }) => isTarget(name));
  return quiet.slice(1).flatMap((sample, k) => {
    const [before, now] = [services(quiet[k]!), services(sample)];
    const told = (gone: Seen[], how: string) =>
      gone.map(({ name, pid }) => `${name} (${pid}) ${how} at ${Math.round(sample.at)} s`);
    const without = (all: Seen[], others: Seen[]) =>
      all.filter(({ pid }) => !others.some((other) => other.pid === pid));
    return [...told(without(before, now), "ended"), ...told(without(now, before), "began")];
  });
}

export function judge(evidence: Evidence): Verdict[] {
  const { quiet, samples, answers, failures, left, logs, registrations, skipped } = evidence;
  const courses = coursesOf(samples, quiet);
  const changes = changesIn(samples, quiet);
  const missing = targets.filter(
    (target) => courses.filter(({ name }) => name === target).length < (target === "trainer" ? TRAINERS : 1),
  );
  const warm = (quiet.from - quiet.began) / 60;
  const steep = courses
    .filter(({ slope }) => slope >= limits.slope)
    .map(({ name, slope }) => `${name} ${slope.toFixed(2)} MB/min`);
  const rising = (field: "descriptors" | "threads") =>
    courses.filter((each) => each[field].rise > limits[field]).map((each) => `${each.name} +${each[field].rise}`);
  const minutes = Math.max(1e-9, quiet.to - quiet.began) / 60;
  const long = logs.filter(({ before, after }) => after > limits.log || (after - before) / minutes > limits.logSlope);
  const registered = courses.filter(({ name }) => name !== "broker").length;
  return [
    rowsVerdict(evidence.rows),
    verdict(
      "no wrong answer",
      [...answers.wrong.slice(0, 5), ...(answers.right === 0 ? ["no answer was checked"] : [])],
      answered(answers),
    ),
    verdict(
      "every answer's version could be read",
      answers.unchecked > answers.right / 20 ? [`${answers.unchecked} could not`] : [],
      `${answers.unchecked} of ${answers.right + answers.unchecked} could not`,
    ),
    verdict("`up` goes on through every fault", failures, "none that it did not mend"),
    verdict(
      "in the quiet part nothing ends and every question is answered",
      [
        ...changes,
        ...missing.map((name) => `no ${name === "trainer" ? `${TRAINERS} trainers` : name} lived through it`),
        ...(answers.noneInQuiet > 0 ? [`${answers.noneInQuiet} questions without an answer`] : []),
      ],
      `${courses.length} processes`,
    ),
    warm + 1e-9 < limits.warmMinutes
      ? {
          name: "memory",
          holds: undefined,
          told:
            `caches filled for ${warm.toFixed(1)} minutes only, judged after ${limits.warmMinutes}: ` +
            `${steep.join(", ") || "none would fail"}`,
        }
      : verdict(`memory grows by less than ${limits.slope} MB a minute`, steep, steepest(courses)),
    verdict(
      "descriptors are flat",
      rising("descriptors"),
      `${courses.map(({ name, descriptors }) => `${name} ${descriptors.median}`).join(", ")}`,
    ),
    verdict(
      "threads are flat",
      rising("threads"),
      `${courses.map(({ name, threads }) => `${name} ${threads.median}`).join(", ")}`,
    ),
    verdict(
      "logs and registrations are bounded",
      [
        ...long.map(({ name, before, after }) => `${name} from ${before.toFixed(2)} to ${after.toFixed(2)} MB`),
        ...(registrations > registered ? [`${registrations} registrations of ${registered} processes`] : []),
      ],
      `${logs.reduce((sum, { after }) => sum + after, 0).toFixed(1)} MB in ${logs.length} logs, ${registrations} ` +
        "registrations",
    ),
    verdict("nothing is left behind after Ctrl-C", left, "no process, no registration, no temporary file"),
    ...Object.entries(skipped).map(([name, told]) => ({ name, holds: undefined, told })),
  ];
}

/** What could not be tried is told and fails nothing. */
export const holds = (verdicts: readonly Verdict[]): boolean => verdicts.every((each) => each.holds !== false);

const isTarget = (name: string): name is Target => (targets as readonly string[]).includes(name);

function verdict(name: string, problems: readonly string[], fine: string): Verdict {
  const shown = problems.slice(0, 8).join("; ");
  const more = problems.length > 8 ? `; and ${problems.length - 8} more` : "";
  return { name, holds: problems.length === 0, told: problems.length === 0 ? fine : shown + more };
}

function rowsVerdict(rows: Rows | string): Verdict {
  const name = "no row is lost";
  if (typeof rows === "string") return verdict(name, [rows], "");
  const accounted = rows.rows + rows.dead + rows.filtered;
  const sums = `${rows.produced} sent = ${rows.rows} rows + ${rows.dead} dead letters + ${rows.filtered} filtered`;
  const problems = [
    ...(accounted === rows.produced
      ? []
      : [`${rows.produced} in Kafka, but ${rows.rows} rows + ${rows.dead} dead letters + ${rows.filtered} filtered`]),
    ...(rows.own.lost.length > 0
      ? [
          `${rows.own.lost.length} of its own ${rows.own.sent} events are in no row, the first number ` +
            `${rows.own.lost[0]}`,
        ]
      : []),
    ...(rows.ownBad.found < rows.ownBad.sent
      ? [`${rows.ownBad.found} of its own ${rows.ownBad.sent} malformed events are dead letters`]
      : []),
    ...rows.problems,
  ];
  return verdict(
    name,
    problems,
    `${sums}; of its own ${rows.own.sent + rows.ownBad.sent} events each was found; verify passes`,
  );
}

function answered({ right, versions, none }: Answers): string {
  const silent = Object.entries(none).map(([why, count]) => `${count} ${why}`);
  return `${right} right ones of ${versions} versions${silent.length > 0 ? `; none: ${silent.join(", ")}` : ""}`;
}

function steepest(courses: readonly Course[]): string {
  const sorted = [...courses].sort((a, b) => b.slope - a.slope);
  return sorted.map(({ name, slope }) => `${name} ${slope.toFixed(2)}`).join(", ");
}
