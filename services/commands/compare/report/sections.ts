// What the report says, section by section: words and tables from its figures. Pure.
import { duration } from "../../../../shared/health/views/figures.ts";
import { fraction } from "../../../../shared/plots/style.ts";
import { type AblationRow, features } from "../ablation.ts";
import type { Metric } from "../exam.ts";
import { gridOf } from "../grids.ts";
import { paperOrder, publishedOf } from "../published.ts";
import type { Comparison } from "./comparison.ts";
import { type Block, type Cell, cell, type Document, list, type Section, type Table, text } from "./document.ts";
import type { Report } from "./report.ts";
import type { Row } from "./results.ts";
import { figure, memory, metricTitles, number, parameters, probability, settingOf, time } from "./text.ts";

const dash = "–";
const metricNames = Object.keys(metricTitles) as Metric[];
/** Of a test that says "no chance". */
const LEVEL = 0.05;

export function documentOf(report: Report): Document {
  const sections = [
    results(report),
    published(report),
    neighbours(report),
    learning(report),
    tuning(report),
    ablation(report),
    stability(report),
    protocol(report),
  ];
  return {
    title: `Benchmark of ${titleOf(report)}`,
    lead: lead(report),
    sections: sections.filter((section) => section !== undefined),
  };
}

const titleOf = ({ data }: Report) => data.known ?? data.dir.split(/[/\\]/).filter(Boolean).at(-1) ?? "a data set";

function lead({ rows, comparisons, data }: Report): string[] {
  const { items, users, interactions } = data;
  const about =
    `${number(users.train)} training users with ${number(interactions)} interactions with ` +
    `${number(items)} items; ${number(users.validation)} users for validation, ${number(users.test)} for the test.`;
  const [best] = rows;
  if (!best?.test) return [about, "No model has figures."];
  const [first] = comparisons;
  const lead =
    first &&
    ` ${first.holm <= LEVEL ? "Its lead over" : "By the paired test it cannot be told apart from"} ` +
      `${first.worse}${first.holm <= LEVEL ? " is no chance" : ""} (p ${probability(first.holm)}).`;
  return [about, `Best is ${best.title} with NDCG@100 of ${figure(best.test["ndcg@100"])}.${lead ?? ""}`];
}

function results(report: Report): Section {
  const { rows } = report;
  const tested = rows.filter(({ test }) => test);
  const bestOf = (metric: Metric) => Math.max(...tested.map(({ test }) => test![metric].mean));
  const best = Object.fromEntries(metricNames.map((metric) => [metric, bestOf(metric)])) as Record<Metric, number>;
  const table: Table = {
    kind: "table",
    caption: "Every model on the test users",
    head: ["model", ...Object.values(metricTitles), "time", "memory", "parameters", "paper", "setting"],
    words: [8],
    rows: tested.map((row) => [
      cell(row.title),
      ...metricNames.map((metric) => cell(figure(row.test![metric]), row.test![metric].mean === best[metric])),
      cell(time(row.seconds)),
      cell(memory(row.peakMemoryBytes)),
      cell(parameters(row.parameters)),
      cell(placeOf(row)),
      cell(settingOf(row)),
    ]),
  };
  const without = rows.filter(({ test }) => !test).map(({ title, why }) => `${title}: ${why}`);
  const remarks = tested.flatMap(({ title, remarks }) => remarks.map((remark) => `${title}: ${remark}`));
  const seeds = tested.flatMap(({ title, seeds }) =>
    seeds.length > 0
      ? [
          `${title}: NDCG@100 ` +
            `${seeds.map(({ seed, test }) => `${fraction(test["ndcg@100"])} (seed ${seed})`).join(", ")}`,
        ]
      : [],
  );
  return {
    id: "results",
    title: "Results",
    blocks: [
      ...(tested.length > 0 ? [table, { kind: "figure", name: "results", caption: resultsCaption } as const] : []),
      ...(without.length > 0 ? [text("Without figures:"), ...list(without)] : []),
      ...(remarks.length > 0 ? [text("To be known:"), ...list(remarks)] : []),
      ...(seeds.length > 0 ? [text("By seed:"), ...list(seeds)] : []),
      text(
        "Mean ± standard error over test users, from the best NDCG@100 down. Time is that of training the chosen " +
          "setting; memory is the sum of its processes' peaks. Paper: the place in the order of NDCG@100 on ML-20M " +
          "in the table of Shenbin et al. (WSDM 2020).",
      ),
    ],
  };
}

const resultsCaption = "NDCG@100 on the test users, with 95 % intervals of the normal bound.";

const placeOf = ({ model }: Row) => {
  const place = paperOrder.indexOf(model);
  return place < 0 ? dash : String(place + 1);
};

/** Undefined where the data is none of the paper's. */
function published({ data, rows }: Report): Section | undefined {
  const { known } = data;
  if (known === null) return undefined;
  const lines = rows.flatMap((row): Cell[][] => {
    const figures = publishedOf(row.model, known);
    if (!figures) return [];
    const cells = metricNames.flatMap((metric, k) => {
      const theirs = figures[k]!;
      const ours = row.test?.[metric].mean;
      const difference = ours !== undefined && theirs ? signed(ours - theirs.value) : dash;
      return [
        ours === undefined ? dash : fraction(ours),
        theirs ? `${theirs.value.toFixed(3).slice(1)}${theirs.isRecalled ? " *" : ""}` : dash,
        difference,
      ];
    });
    return [[cell(row.title), ...cells.map((each) => cell(each))]];
  });
  const head = Object.values(metricTitles).flatMap((title) => [`${title}, ours`, "published", "difference"]);
  return {
    id: "published",
    title: "Published figures",
    blocks: [
      {
        kind: "table",
        caption: `Ours beside what was published on ${known}`,
        head: ["model", ...head],
        rows: lines,
        words: [],
      },
      text(
        `The data was recognised as ${known}. Published: Shenbin et al. (WSDM 2020), iALS from Rendle et al. ` +
          "(RecSys 2022). * quoted from memory and not read again in the paper.",
      ),
    ],
  };
}

const signed = (value: number) => `${value < 0 ? "−" : "+"}${fraction(Math.abs(value))}`;

function neighbours({ comparisons }: Report): Section | undefined {
  if (comparisons.length === 0) return undefined;
  const verdict = ({ holm, difference }: Comparison) =>
    holm <= LEVEL && difference !== 0 ? "differs" : "cannot be told apart";
  return {
    id: "neighbours",
    title: "Neighbours compared",
    blocks: [
      {
        kind: "table",
        caption: "Paired tests between neighbours in the order of NDCG@100",
        head: ["better", "worse", "difference", "95 % interval", "p", "p, corrected", "verdict"],
        words: [1, 6],
        rows: comparisons.map((pair) => [
          cell(pair.better),
          cell(pair.worse),
          cell(`${fraction(pair.difference)} ± ${fraction(pair.standardError)}`),
          cell(`${fraction(pair.interval[0])} to ${fraction(pair.interval[1])}`),
          cell(probability(pair.p)),
          cell(probability(pair.holm)),
          cell(verdict(pair)),
        ]),
      },
      text(
        "Each user's NDCG@100 under one model less that under the other: mean ± standard error, interval of the " +
          "bootstrap over users, two-sided p of the paired t-test, and the same corrected for as many tests as " +
          "there are (Holm 1979). The order was found on the same users, so a p near the limit says little.",
      ),
    ],
  };
}

function learning({ rows }: Report): Section | undefined {
  const curves = rows.filter(({ curve }) => curve.length > 1);
  const figures: Block[] = [
    ...(curves.length > 0
      ? [
          {
            kind: "figure",
            name: "learning",
            caption: "NDCG@100 on the validation users by epoch, under the chosen setting.",
          } as const,
        ]
      : []),
    {
      kind: "figure",
      name: "time",
      caption:
        "The best NDCG@100 on the validation users so far, against the time of training. What is solved at once is " +
        "a point.",
    },
  ];
  return rows.some(({ curve }) => curve.length > 0)
    ? { id: "learning", title: "Learning, and what it costs", blocks: figures }
    : undefined;
}

function tuning({ rows, budgetSeconds }: Report): Section {
  const lines = rows.flatMap((row) =>
    row.tried.map((each) => [
      cell(row.title),
      cell(each.setting, each.setting === row.chosen),
      cell(each.validation === null ? dash : fraction(each.validation), each.setting === row.chosen),
      cell(time(each.seconds)),
      cell(each.why ?? (each.setting === row.chosen ? "chosen" : "")),
    ]),
  );
  const sources = rows
    .filter(({ model }) => model !== "blend")
    .map(({ title, model }) => `${title}: ${gridOf(model).source}`);
  return {
    id: "tuning",
    title: "Tuning",
    blocks: [
      text(
        `Each model had ${duration(budgetSeconds)} for its grid, its usual setting first; the best NDCG@100 on the ` +
          "validation users was chosen.",
      ),
      {
        kind: "table",
        caption: "Every setting that was tried, on the validation users",
        head: ["model", "setting", "NDCG@100", "time", ""],
        rows: lines,
        words: [1, 4],
      },
      text("Where the grids come from:"),
      ...list(sources),
    ],
  };
}

function ablation({ ablation }: Report): Section | undefined {
  if (ablation.length === 0) return undefined;
  return {
    id: "ablation",
    title: "From Mult-VAE to RecVAE",
    blocks: [
      {
        kind: "table",
        caption: "The five features of RecVAE, on the test users",
        head: ["", ...features, "NDCG@100", "validation", ""],
        words: [8],
        rows: ablation.map(({ has, row }) => [
          cell(stepOf(has)),
          ...features.map((feature) => cell(has[feature] ? "✓" : dash)),
          cell(row.test ? figure(row.test["ndcg@100"]) : dash),
          cell(row.validation === null ? dash : fraction(row.validation)),
          cell([row.why ?? "", ...row.remarks].filter(Boolean).join("; ")),
        ]),
      },
      text(
        "Without rescaling, the KL term has one weight for all users, as large as the rescaled one is on average. " +
          "Joint training has dropout in every pass, so it knows no decoder without denoising.",
      ),
    ],
  };
}

/** The feature that it adds to those before it, or the ones that it leaves out. */
function stepOf(has: AblationRow["has"]): string {
  const there = features.filter((feature) => has[feature]);
  if (there.length === 0) return "Mult-VAE";
  if (there.length === features.length) return "RecVAE";
  const isBeginning = there.every((feature, k) => feature === features[k]);
  const missing = features.filter((feature) => !has[feature]);
  return isBeginning ? `with ${there.at(-1)}` : `without ${missing.join(", ")}`;
}

function stability({ stability }: Report): Section | undefined {
  if (stability.length === 0) return undefined;
  const [first] = stability;
  return {
    id: "stability",
    title: "How steady single users are",
    blocks: [
      {
        kind: "figure",
        name: "stability",
        caption:
          "NDCG@100 of single validation users by epoch under both priors (the broad line is the mean of all), and " +
          "how far a user's figure moves from one epoch to the next.",
      },
      ...list(
        stability.map(
          ({ prior, meanChange }) => `${prior}: mean absolute change from epoch to epoch ${fraction(meanChange)}`,
        ),
      ),
      text(
        `Over the ${first!.of.means.length} epochs that both runs have, and ${number(first!.of.users)} validation ` +
          "users.",
      ),
    ],
  };
}

function protocol({ machine, seeds, jobs, budgetSeconds }: Report): Section {
  const ofOthers =
    seeds.length > 1
      ? "the chosen setting is trained under the others too, and a user's figure is the mean over them"
      : "there are no others, so the figures say nothing of how much they vary from seed to seed";
  return {
    id: "protocol",
    title: "How these figures came about",
    blocks: list([
      "Users of validation and test are strangers to the models (strong generalisation): a model sees four fifths " +
        "of a user's items and is judged on the rest, with what it has seen masked.",
      "Settings are chosen on validation users alone. The test figures of the chosen setting are read once, after " +
        "everything is chosen; of the other settings they are never read.",
      "Neural models end after so many epochs without a better validation, or before an epoch that would go beyond " +
        `the budget of ${duration(budgetSeconds)} a model.`,
      `Seeds: ${seeds.join(", ")}. The first one tunes; ${ofOthers}.`,
      `${jobs === 1 ? "One trial" : `${jobs} trials`} at a ` +
        `time${jobs === 1 ? "" : ", which makes times and memory hard to compare"}, on ${machine.cores} cores ` +
        `(${machine.cpu}), ${memory(machine.memoryBytes)}, Node ${machine.node}.`,
    ]),
  };
}
