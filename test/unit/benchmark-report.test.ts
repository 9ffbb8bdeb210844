// What the benchmark says of its trials: rows, tests between neighbours, reasons for what is missing; the page and the Markdown; grids that `train` understands.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Agenda, agendaOf as agendaWanted, benchmarked, ofTheTable } from "../../services/benchmark/agenda.ts";
import { ablation, features } from "../../services/benchmark/ablation.ts";
import { gridOf } from "../../services/benchmark/grids.ts";
import type { Trial } from "../../services/benchmark/plan.ts";
import { knownAs, paperOrder, publishedOf } from "../../services/benchmark/published.ts";
import { htmlOf } from "../../services/benchmark/report/html.ts";
import { markdownOf } from "../../services/benchmark/report/markdown.ts";
import type { Report } from "../../services/benchmark/report/report.ts";
import { documentOf } from "../../services/benchmark/report/sections.ts";
import { tableOf } from "../../services/benchmark/report/text.ts";
import { writeReport } from "../../services/benchmark/report/writing.ts";
import { secondsLeft } from "../../services/benchmark/telling.ts";
import { type End, judged, newestLine } from "../../services/benchmark/verdict.ts";
import { command as train } from "../../services/train/main.ts";
import { readConfig } from "../../shared/runtime/command.ts";
import { agendaOf, done, entryOf, examAround, failed, played, reported, USERS } from "./benchmark.ts";

const quality: Record<string, number> = { a: 0.42, b: 0.4, c: 0.399 };
const exam = (id: string) => examAround(quality[id.split("/")[0]!]!, id.charCodeAt(0));
const three = () => agendaOf(["c", "a", "b"].map((model) => entryOf(model, 2)));
const settled = ({ entry, setting }: Trial) => done(quality[entry.model]! - (setting.flags.length > 0 ? 0.01 : 0));

describe("the rows", () => {
  test("stand in the order of NDCG@100 on the test, with what was chosen, tried and taken", () => {
    const agenda = three();
    const { rows } = reported(agenda, played(agenda, settled, exam));
    expect(rows.map(({ model, chosen, grid }) => [model, chosen, grid])).toEqual([
      ["a", "usual", 2],
      ["b", "usual", 2],
      ["c", "usual", 2],
    ]);
    expect(rows[0]).toMatchObject({
      validation: 0.42,
      seconds: 20,
      tuningSeconds: 46,
      peakMemoryBytes: 8e8,
      parameters: 123_456,
      why: null,
    });
    expect(rows[0]!.curve).toHaveLength(20);
    expect(rows[0]!.curve[4]).toMatchObject({ epoch: 5, seconds: 5 });
  });

  test("are chosen on validation, whatever the test would have said, and only what was chosen is tested", () => {
    const agenda = agendaOf([entryOf("a", 2)]);
    const asked: string[] = [];
    const evidence = played(
      agenda,
      ({ setting }) => done(setting.flags.length > 0 ? 0.5 : 0.4),
      (id) => {
        asked.push(id);
        return examAround(0.1, 0);
      },
    );
    expect(asked).toEqual(["a/lambda=1"]);
    expect(reported(agenda, evidence).rows[0]).toMatchObject({ chosen: "lambda 1", validation: 0.5 });
  });

  test("of several seeds are means over each user's, with the spread told by seed", () => {
    const agenda = agendaOf([entryOf("a", 1)], { seeds: [1, 2] });
    const exams = [examAround(0.4, 0), examAround(0.5, 0)];
    const [row] = reported(
      agenda,
      played(agenda, settled, (id) => exams[id.includes("seed") ? 1 : 0]!),
    ).rows;
    const means = exams.map(({ "ndcg@100": values }) => values.reduce((sum, value) => sum + value / USERS, 0));
    expect(row!.test!["ndcg@100"].mean).toBeCloseTo((means[0]! + means[1]!) / 2, 12);
    expect(row!.seeds.map(({ seed, test }) => [seed, test["ndcg@100"]])).toEqual([
      [1, expect.closeTo(means[0]!, 12)],
      [2, expect.closeTo(means[1]!, 12)],
    ]);
  });

  test("without figures stand last and say why: all failed, the test cannot be read, or there is nothing to start from", () => {
    const starting = entryOf("d", 1, { startsFrom: [{ entry: "c", flag: "--from" }] });
    const agenda = agendaOf([entryOf("c", 2), starting, entryOf("b", 1), entryOf("a", 1)]);
    const outcome = (trial: Trial) => (trial.entry.model === "c" ? failed("MODEL_TOO_LARGE: 64 GB") : settled(trial));
    const { rows } = reported(
      agenda,
      played(agenda, outcome, (id) => (id.startsWith("b") ? "its test cannot be read" : exam(id))),
    );
    expect(rows.map(({ model, why }) => [model, why])).toEqual([
      ["a", null],
      ["c", "MODEL_TOO_LARGE: 64 GB"],
      ["d", "it starts from c, of which there is no model"],
      ["b", "its test cannot be read"],
    ]);
  });

  test("say when the budget cut their grid or their run short, and which setting failed", () => {
    const agenda = agendaOf([entryOf("a", 4)], { budgetSeconds: 50 });
    const outcome = ({ setting }: Trial) =>
      setting.flags.length > 0 ? failed("NOT_FINITE: step 3") : done(0.42, { epochs: 40, best: 40 });
    const [row] = reported(agenda, played(agenda, outcome, exam)).rows;
    expect(row!.remarks).toEqual(["its budget was over after 40 of 100 epochs", "its budget was over after 1 of 4 settings"]);
    const ample = agendaOf([entryOf("a", 2)]);
    expect(reported(ample, played(ample, outcome, exam)).rows[0]!.remarks.at(-1)).toBe("lambda 1: NOT_FINITE: step 3");
  });
});

test("neighbours are compared user by user: far apart they differ, and models that are the same but for noise do not", () => {
  const agenda = three();
  const { comparisons } = reported(agenda, played(agenda, settled, exam));
  expect(comparisons.map(({ better, worse }) => [better, worse])).toEqual([
    ["a", "b"],
    ["b", "c"],
  ]);
  expect(comparisons[0]!.holm).toBeLessThan(0.001);
  expect(comparisons[0]!.interval[0]).toBeGreaterThan(0);
  expect(comparisons[1]!.p).toBeGreaterThan(0.05);
  expect(comparisons[1]!.holm).toBeGreaterThanOrEqual(comparisons[1]!.p);
});

describe("the documents", () => {
  const root = mkdtempSync(join(tmpdir(), "tributary-report-"));
  afterAll(() => rmSync(root, { recursive: true }));
  const evil = "<script>alert(1)</script> | `x`";
  let html: string;
  let report: Report;
  beforeAll(async () => {
    const steps = ablation(100);
    const plan = agendaOf([...["recvae", "ease", "slim"].map((model) => entryOf(model, 2)), ...steps.map(({ entry }) => entry)]);
    const agenda: Agenda = { ...plan, models: plan.models.slice(0, 3), ablation: steps };
    const evidence = played(
      agenda,
      ({ entry }) => (entry.model === "slim" ? failed(evil) : done(0.4)),
      (id) => examAround(0.4 + id.length / 1e3, 1),
    );
    const epochs = [0.01, 0.2].map((step) =>
      [1, 2, 3].map((epoch) => ({ epoch, ndcg: new Map([1, 2, 3, 4, 5].map((user) => [`u${user}`, 0.3 + (epoch % 2) * step])) })),
    );
    report = reported(agenda, evidence, epochs);
    await writeReport(root, report);
    html = readFileSync(join(root, "report.html"), "utf8");
  }, 30_000);

  test("report.json holds what the others are made of", () => {
    expect(JSON.parse(readFileSync(join(root, "report.json"), "utf8"))).toEqual(JSON.parse(JSON.stringify(report)));
    expect(report.stability.map(({ prior, meanChange }) => [prior, meanChange])).toEqual([
      ["composite prior", expect.closeTo(0.01, 9)],
      ["Gaussian prior", expect.closeTo(0.2, 9)],
    ]);
  });

  test("the page needs nothing from elsewhere and runs nothing", () => {
    expect(html).not.toMatch(/<script|<link|<img|@import|url\(|\son\w+=/);
    const addresses = [...html.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, address]) => address!);
    expect(addresses.every((address) => address.startsWith("#"))).toBe(true);
  });

  test("every entry of the table of contents leads to a section, and every section has one", () => {
    const targets = [...html.matchAll(/<a href="#([\w-]+)"/g)].map(([, id]) => id);
    expect(targets).toEqual([...html.matchAll(/<h2 id="([\w-]+)"/g)].map(([, id]) => id));
    expect(targets).toEqual(["results", "neighbours", "learning", "tuning", "ablation", "stability", "protocol"]);
  });

  test("each figure is drawn for wide and for narrow pages, in the page's own colours", () => {
    expect([...html.matchAll(/<figure>/g)]).toHaveLength(4);
    for (const kind of ["wide", "narrow"]) expect([...html.matchAll(new RegExp(`<div class="${kind}" role="img"`, "g"))]).toHaveLength(4);
    expect(html).not.toContain(">undefined<");
    expect([...html.matchAll(/<svg/g)]).toHaveLength(8);
    expect(html).toContain('stroke="var(--s1)"');
    expect(html).not.toMatch(/fill="white"/);
  });

  test("words of errors are shown and never obeyed, in the page and in Markdown", () => {
    expect(html).toContain("&lt;script&gt;alert(1)&lt;/script&gt; | `x`");
    const markdown = readFileSync(join(root, "report.md"), "utf8");
    expect(markdown).toContain("\\<script\\>alert(1)\\</script\\> \\| \\`x\\`");
    const widths = markdown
      .split("\n")
      .filter((line) => line.startsWith("| "))
      .map((line) => line.replaceAll("\\|", "").split("|").length);
    expect(new Set(widths.slice(0, 3)).size).toBe(1);
    expect(markdown).toContain("| --- | ---: |");
  });

  test("the terminal's table has a line a model", () => {
    const lines = tableOf(report).trimEnd().split("\n");
    expect(lines).toHaveLength(4);
    expect(lines.at(-1)).toContain("SLIM");
  });

  test("published figures stand beside ours where the data is one of the paper's, those from memory marked", () => {
    const known = documentOf({ ...report, data: { ...report.data, known: "MSD" } });
    const section = known.sections.find(({ id }) => id === "published")!;
    const text = markdownOf({ ...known, sections: [section] });
    expect(text).toContain("| RecVAE |");
    expect(text).toMatch(/\.326 \|/);
    expect(text).toMatch(/\.276 \\\*/);
    expect(documentOf(report).sections.some(({ id }) => id === "published")).toBe(false);
    expect(htmlOf(known, {}, "today")).toContain("Benchmark of MSD");
  });
});

describe("what was published", () => {
  test("is known by the vocabulary of ML-20M, and by the numbers of Netflix and MSD", () => {
    const vocabularySha256 = "b9f95107e156c2feaf78439ae302001abf13bdb480aeedcb0e4d8382f2f8b76f";
    expect(knownAs({ vocabularySha256, items: 20_108, heldOut: 10_000 })).toBe("ML-20M");
    expect(knownAs({ vocabularySha256: "", items: 20_108, heldOut: 10_000 })).toBeNull();
    expect(knownAs({ vocabularySha256: "", items: 17_768, heldOut: 40_000 })).toBe("Netflix");
    expect(knownAs({ vocabularySha256: "", items: 41_140, heldOut: 50_000 })).toBe("MSD");
    expect(knownAs({ vocabularySha256: "", items: 41_140, heldOut: 40_000 })).toBeNull();
  });

  test("has the paper's order, and says what did not finish", () => {
    expect(paperOrder.slice(0, 3)).toEqual(["recvae", "ract", "lambdanet"]);
    expect(paperOrder).toHaveLength(10);
    expect(publishedOf("slim", "MSD")).toBeNull();
    expect(publishedOf("popularity", "ML-20M")).toEqual([null, null, { value: 0.191, isRecalled: true }]);
    expect(publishedOf("nobody", "MSD")).toBeNull();
  });
});

describe("a trial that ended", () => {
  const trial = { entry: entryOf("a", 1), secondsLeft: 30 } as unknown as Trial;
  const end: End = { code: 1, seconds: 5, limit: 60, wasAsked: false, trained: undefined, lastWords: "" };
  const trainedFor = (...seconds: number[]) =>
    ({ wallSeconds: 0, epochs: seconds.map((each, k) => ({ epoch: k, seconds: each, validation: {} })), best: {} }) as never;

  test.each<[string, Partial<End>, string, RegExp | null]>([
    ["with a report is done", { code: 0, trained: trainedFor(3, 3) }, "done", null],
    [
      "with one epoch beyond its time is stopped, and its time is told",
      { trained: trainedFor(44) },
      "stopped",
      /^30 s are too little for one epoch, which took 44 s$/,
    ],
    ["when the benchmark was asked to stop is interrupted", { wasAsked: true }, "interrupted", null],
    ["beyond its time is stopped", { seconds: 61 }, "stopped", /^not done when its 30 s were over: one epoch takes longer than 60 s$/],
    ["with an error of ours has failed of it", { lastWords: "MODEL_TOO_LARGE: 9 GB\nmore\n" }, "failed", /^MODEL_TOO_LARGE: 9 GB$/],
    ["without a word has failed with its exit code", {}, "failed", /^ended with exit code 1 and left no report$/],
  ])("%s", (_, change, outcome, why) => {
    const verdict = judged(trial, { ...end, ...change });
    expect(verdict.outcome).toBe(outcome);
    if (why === null) expect(verdict.why).toBeNull();
    else expect(verdict.why).toMatch(why);
  });

  test("never shows its test on the line of progress", () => {
    expect(newestLine('epoch 3/4\nbest epoch 3: {"ndcg@100":{"mean":0.4,"standardError":0.1}}\n')).toBe("epoch 3/4");
  });
});

test("every point of every grid, and every step of the ablation, is a setting that train understands", () => {
  const { plan } = agendaWanted({ models: benchmarked, seeds: 2, budgetSeconds: 60, ablation: true, stability: true, blend: true }, 150);
  const learned = plan.entries.filter(({ kind }) => kind !== "blend");
  expect(learned.length).toBeGreaterThan(20);
  for (const { model, flags, settings, startsFrom } of learned) {
    const from = startsFrom.map(({ flag }) => `${flag}=dir`);
    for (const { flags: own } of settings)
      expect(readConfig(train, ["--model", model, ...flags, ...own, ...from], {}), own.join(" ")).toMatchObject({ model });
  }
});

test("the rows of the table are the paper's, iALS and popularity, and each says where its grid comes from", () => {
  expect([...ofTheTable].sort()).toEqual([...paperOrder, "ials", "popularity"].sort());
  for (const model of ofTheTable) expect(gridOf(model).source).not.toBe("its usual setting alone");
});

test("the ablation goes from Mult-VAE to RecVAE one feature at a time, then leaves out one at a time", () => {
  const counts = ablation(100).map(({ has }) => features.filter((feature) => has[feature]).length);
  expect(counts).toEqual([0, 1, 2, 3, 4, 5, 4, 4, 4]);
});

test("the time left is no more than the budgets, and nothing when all is done", () => {
  const agenda = agendaOf([entryOf("a", 3), entryOf("b", 3)], { budgetSeconds: 100 });
  const of = (seconds: number) => new Map([["a/usual", { seconds, validation: 0.4 }]]);
  expect(secondsLeft(agenda.plan, new Map())).toBeNull();
  expect(secondsLeft(agenda.plan, of(10))).toBe(20 + 30);
  expect(secondsLeft(agenda.plan, of(60))).toBe(40 + 100);
  expect(
    secondsLeft(
      agenda.plan,
      played(
        agenda,
        () => done(0.4),
        () => examAround(0.4, 0),
      ).results,
    ),
  ).toBe(0);
});
