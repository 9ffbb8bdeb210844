// The benchmark's report: rows in order, settings chosen by validation alone, neighbours compared, reasons where there
// are no figures; as Markdown and as one page.
import { expect, test } from "vitest";
import { agendaOf as wished } from "../../services/commands/compare/agenda.ts";
import { htmlOf } from "../../services/commands/compare/report/html.ts";
import { markdownOf } from "../../services/commands/compare/report/markdown.ts";
import { plotOf } from "../../services/commands/compare/report/plots.ts";
import type { Report } from "../../services/commands/compare/report/report.ts";
import { documentOf } from "../../services/commands/compare/report/sections.ts";
import type { EpochOfUsers } from "../../shared/judging/stability.ts";
import { svgOf } from "../../shared/plots/svg.ts";
import { agendaOf, done, entryOf, examAround, failed, played, reported } from "./benchmark.ts";

/** EASE leads, SLIM and RecVAE are alike, CDAE fails. */
const four = () => {
  const models = [
    entryOf("recvae", 3),
    entryOf("cdae", 1),
    entryOf("slim", 2, { kind: "solved", isSeeded: false }),
    entryOf("ease", 1, { kind: "solved", isSeeded: false }),
  ];
  const agenda = agendaOf(models);
  const means: Record<string, number> = { recvae: 0.4, slim: 0.4, ease: 0.44 };
  const evidence = played(
    agenda,
    ({ entry, setting }) =>
      entry.model === "cdae" ? failed("MODEL_TOO_LARGE: <too> large") : done(setting.name === "lambda 1" ? 0.36 : 0.35),
    (id) => examAround(means[id.split("/")[0]!]!, id.startsWith("slim") ? 1 : 2),
  );
  return { agenda, evidence, report: reported(agenda, evidence) };
};

test("rows stand from the best NDCG@100 down, and what failed stands last with its reason", () => {
  const { report } = four();
  expect(report.rows[0]!.title).toBe("EASE");
  expect(
    report.rows
      .map(({ title }) => title)
      .slice(1, 3)
      .sort(),
  ).toEqual(["RecVAE", "SLIM"]);
  const last = report.rows[3]!;
  expect(last).toMatchObject({ title: "CDAE", test: null, why: "MODEL_TOO_LARGE: <too> large" });
  const ndcg = report.rows.flatMap(({ test }) => test?.["ndcg@100"].mean ?? []);
  expect(ndcg).toEqual([...ndcg].sort((a, b) => b - a));
});

test("the setting that is best on validation is tested, and no other is looked at", () => {
  const { report, evidence } = four();
  const recvae = report.rows.find(({ id }) => id === "recvae")!;
  expect(recvae.tried.map(({ validation }) => validation)).toEqual([0.35, 0.36, 0.35]);
  expect(recvae.chosen).toBe("lambda 1");
  expect([...evidence.exams.keys()].filter((id) => id.startsWith("recvae/"))).toEqual(["recvae/lambda=1"]);
});

test("neighbours are told apart where their users' figures are, and not where they are alike", () => {
  const { comparisons } = four().report;
  expect(comparisons).toHaveLength(2);
  expect(comparisons[0]!.better).toBe("EASE");
  expect(comparisons[0]!.holm).toBeLessThan(0.001);
  expect(comparisons[0]!.interval[0]).toBeGreaterThan(0);
  expect(comparisons[1]!.p).toBeGreaterThan(0.05);
});

test("with several seeds a user's figure is the mean over them, and each seed is told", () => {
  const agenda = agendaOf([entryOf("recvae", 1)], { seeds: [1, 2, 3] });
  const evidence = played(
    agenda,
    () => done(0.3),
    (id) => examAround(id.includes("seed-2") ? 0.5 : id.includes("seed-3") ? 0.3 : 0.4, 1, 0),
  );
  const [row] = reported(agenda, evidence).rows;
  expect(row!.seeds.map(({ seed }) => seed)).toEqual([1, 2, 3]);
  const mean = (k: number) => row!.seeds[k]!.test["ndcg@100"];
  expect(mean(1) - mean(0)).toBeCloseTo(0.1, 12);
  expect(row!.test!["ndcg@100"].mean).toBeCloseTo((mean(0) + mean(1) + mean(2)) / 3, 12);
});

test("published figures stand beside ours where the data is one of the paper's, and only there", () => {
  const { report } = four();
  const known: Report = { ...report, data: { ...report.data, known: "ML-20M" } };
  expect(markdownOf(documentOf(report))).not.toContain("Published figures");
  const text = markdownOf(documentOf(known));
  expect(text).toContain("# Benchmark of ML-20M");
  const ease = text
    .slice(text.indexOf("## Published figures"))
    .match(/^\| EASE .*$/m)![0]
    .split(" | ");
  expect(ease.filter((_, k) => k % 3 === 2)).toEqual([".391", ".521", ".420"]);
});

test("every table of the Markdown is a rectangle, and no word of an error is markup", () => {
  const text = markdownOf(documentOf(four().report));
  const tables = text.split("\n\n").filter((block) => block.startsWith("|"));
  expect(tables.length).toBeGreaterThanOrEqual(3);
  for (const table of tables) expect(new Set(table.split("\n").map((line) => line.split(" | ").length)).size).toBe(1);
  expect(text).toContain("\\<too\\> large");
});

test("the page needs nothing but itself, names its sections, draws its figures, and no word of an error is markup", async () => {
  const { report } = four();
  const document = documentOf(report);
  const drawn = {
    results: {
      wide: await svgOf(plotOf("results", report, 680)!),
      narrow: await svgOf(plotOf("results", report, 250)!),
    },
  };
  const page = htmlOf(document, drawn, "2026-11-24");
  expect(page.match(/(?:src|href)="(?!#)[^"]*"/g)).toBeNull();
  expect(page.replaceAll(/xmlns(:\w+)?="[^"]*"/g, "")).not.toMatch(/https?:|<script|@import|url\((?!#)/);
  for (const { id } of document.sections)
    expect(page.match(new RegExp(`href="#${id}"|id="${id}"`, "g"))).toHaveLength(2);
  expect(page.match(/<svg/g)).toHaveLength(2);
  expect(page).toContain("&lt;too&gt; large");
});

test("the ablation goes from Mult-VAE, which has none of the features, to RecVAE, which has all", () => {
  const agenda = wished(
    { models: ["recvae"], seeds: 1, budgetSeconds: 600, ablation: true, stability: false, blend: false },
    100,
  );
  const evidence = played(
    agenda,
    () => done(0.3),
    () => examAround(0.4, 1),
  );
  const report = reported(agenda, evidence);
  const counts = report.ablation.map(({ has }) => Object.values(has).filter(Boolean).length);
  expect(counts.slice(0, 6)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(report.ablation[0]!.row.model).toBe("mult-vae");
  const full = report.ablation[5]!;
  expect(full.row.validation).toBe(report.rows[0]!.validation);
  // the row's own trial, not another
  expect([...evidence.results.keys()].filter((id) => id === "recvae/gamma=0.005")).toHaveLength(1);
  expect(markdownOf(documentOf(report))).toContain("| ✓ | ✓ | ✓ | ✓ | ✓ |");
});

test("the stability of both priors is counted over the epochs that both have", () => {
  const agenda = wished(
    { models: ["recvae"], seeds: 1, budgetSeconds: 600, ablation: false, stability: true, blend: false },
    100,
  );
  const evidence = played(
    agenda,
    () => done(0.3),
    () => examAround(0.4, 1),
  );
  const run = (epochs: number, swing: number): EpochOfUsers[] =>
    Array.from({ length: epochs }, (_, k) => ({
      epoch: k + 1,
      ndcg: new Map(Array.from({ length: 10 }, (_, user) => [`u${user}`, 0.4 + (k % 2 === 0 ? swing : -swing)])),
    }));
  const { stability } = reported(agenda, evidence, [run(9, 0.01), run(5, 0.03)]);
  expect(stability.map(({ prior }) => prior)).toEqual(["composite prior", "Gaussian prior"]);
  expect(stability[0]!.meanChange).toBeCloseTo(0.02, 9);
  expect(stability[1]!.meanChange).toBeCloseTo(0.06, 9);
  expect(stability.map(({ of }) => of.means.length)).toEqual([5, 5]);
  expect(reported(agenda, evidence, [run(9, 0.01), []]).stability).toEqual([]);
});
