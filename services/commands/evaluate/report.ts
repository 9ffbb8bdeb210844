// What `evaluate` found, for machines and for people. Pure.
import type { Scored } from "../../../shared/judging/per-user.ts";
import { parts, type Subject } from "../../../shared/judging/subject.ts";
import type { CatalogueFigures } from "../../../shared/ranking/catalogue.ts";
import { onOneLine } from "../../../shared/runtime/printable.ts";
import type { Line, Measured, PartResult, ScorerName } from "./references.ts";

type Contract = Readonly<Record<string, unknown>>;

/** The JSON of `--json`. A scorer that was left out is null; the contract says why. */
export function reportOf(checkpoint: string, contract: Contract, measured: Measured) {
  const part = ({ users, withoutTarget, lines }: PartResult) => ({
    users,
    withoutTarget,
    ...each(lines, ({ metrics }) => metrics),
    lists: each(lines, ({ lists }) => lists),
  });
  return {
    checkpoint,
    contract,
    validation: part(measured.validation),
    test: part(measured.test),
    temporal: measured.temporal && part(measured.temporal),
  };
}

const each = <T>(lines: PartResult["lines"], of: (line: Line) => T) => {
  const { model, served, popularity, ease, popularNow, coVisits } = lines;
  const one = (line: Line | undefined) => (line ? of(line) : null);
  return {
    ...{ model: one(model), served: one(served), popularity: one(popularity), ease: one(ease) },
    ...{ popularNow: one(popularNow), coVisits: one(coVisits) },
  };
};

/** Every user's metrics under every scorer, as `--per-user` writes them. */
export const scoredOf = (subject: Subject, measured: Measured): Scored[] =>
  parts.flatMap((part) =>
    Object.entries(measured[part]?.lines ?? {}).map(([scorer, { perUser }]) => ({
      part,
      scorer,
      users: subject[part].map(({ user }) => user),
      metrics: perUser,
    })),
  );

const titles: Record<ScorerName, string> = {
  model: "model",
  served: "served",
  popularity: "popularity",
  ease: "EASE",
  popularNow: "popular now",
  coVisits: "co-visits",
};
const WIDTH = 33;
const row = (name: string, cells: readonly string[]) =>
  `  ${name.padEnd(14)}${cells.map((cell) => cell.padStart(WIDTH)).join("")}`.trimEnd();

/** A table a part, then the contract. */
export function tableOf(contract: Contract, measured: Measured): string {
  const width = Math.max(...Object.keys(contract).map(({ length }) => length)) + 2;
  const facts = Object.entries(contract).map(([name, value]) => `  ${name.padEnd(width)}${onOneLine(textOf(value))}`);
  return [
    ...parts.flatMap((name) => (measured[name] ? [...partLines(name, measured[name]), ""] : [])),
    "what this holds for:",
    ...facts,
    "",
  ].join("\n");
}

function partLines(name: string, { users, withoutTarget, lines }: PartResult): string[] {
  const left = withoutTarget > 0 ? `, ${withoutTarget} without a target left out` : "";
  if (users === 0) return [`${name}: nobody is held out${left}`];
  const scorers = Object.entries(lines) as [ScorerName, Line][];
  const metrics = Object.keys(scorers[0]![1].metrics);
  const cell = ({ mean, standardError, interval: [low, high] }: Line["metrics"][string]) =>
    `${fraction(mean)} ± ${fraction(standardError)} [${fraction(low)}, ${fraction(high)}]`;
  return [
    `${name}: ${users} users${left}; mean ± standard error [95 % interval]`,
    row(
      "",
      scorers.map(([scorer]) => titles[scorer]),
    ),
    ...metrics.map((metric) =>
      row(
        metric,
        scorers.map(([, line]) => cell(line.metrics[metric]!)),
      ),
    ),
    ...Object.keys(scorers[0]![1].lists).flatMap((k) =>
      listLines(
        k,
        scorers.map(([, { lists }]) => lists[k]!),
      ),
    ),
  ];
}

function listLines(k: string, figures: readonly CatalogueFigures[]): string[] {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  return [
    row(
      `coverage@${k}`,
      figures.map(({ coverage }) => percent(coverage)),
    ),
    row(
      `novelty@${k}`,
      figures.map(({ novelty }) => `${novelty.toFixed(2)} bits`),
    ),
    row(
      `top 1 %@${k}`,
      figures.map(({ topShare }) => percent(topShare)),
    ),
  ];
}

const fraction = (value: number) => value.toFixed(4).replace(/^0\./, ".");

function textOf(value: unknown): string {
  if (value === null) return "none";
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "object")
    return Object.entries(value as object)
      .map(([name, each]) => `${name} ${each}`)
      .join(", ");
  return String(value);
}
