// The benchmark's trials before and after they run: grids that `train` understands, what became of a process and why,
// the time left; and what was published beside.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { all, benchmarked, agendaOf as wished } from "../../services/commands/compare/agenda.ts";
import { gridOf } from "../../services/commands/compare/grids.ts";
import { resultOf } from "../../services/commands/compare/ledger.ts";
import type { Trial } from "../../services/commands/compare/plan.ts";
import { knownAs, paperOrder, publishedOf } from "../../services/commands/compare/published.ts";
import { secondsLeft } from "../../services/commands/compare/telling.ts";
import { type End, newestLine, outcomeOf } from "../../services/commands/compare/verdict.ts";
import { command as train } from "../../services/commands/train/main.ts";
import { readConfig } from "../../shared/runtime/command.ts";
import { agendaOf, done, entryOf, examAround, failed, played, reported } from "./benchmark.ts";

test("every point of every grid, and every step of the ablation, is a setting that train understands", () => {
  const { plan } = wished(
    { models: benchmarked, seeds: 2, budgetSeconds: 60, ablation: true, stability: true, blend: true },
    150,
  );
  const learned = plan.entries.filter(({ kind }) => kind !== "blend");
  expect(learned.length).toBeGreaterThan(20);
  for (const { model, flags, settings, startsFrom } of learned) {
    const from = startsFrom.map(({ flag }) => `${flag}=dir`);
    for (const { flags: own } of settings)
      expect(readConfig(train, ["--model", model, ...flags, ...own, ...from], {}), own.join(" ")).toMatchObject({
        model,
      });
  }
});

test("the rows of the table are the paper's, EDLAE, iALS and popularity, and each says where its grid comes from", () => {
  expect([...all].sort()).toEqual([...paperOrder, "edlae", "ials", "popularity"].sort());
  for (const model of all) expect(gridOf(model).source).not.toBe("its usual setting alone");
});

test("a system that goes on from another one's model brings that one's row, and so does the blend", () => {
  const rows = (models: (typeof benchmarked)[number][], blend = false) =>
    wished({ models, seeds: 1, budgetSeconds: 60, ablation: false, stability: false, blend }, 150).models.map(
      ({ id }) => id,
    );
  expect(rows(["lambdanet"])).toEqual(["mult-vae", "lambdanet"]);
  expect(rows(["popularity"])).toEqual(["popularity"]);
  expect(rows(["popularity"], true).sort()).toEqual(["blend", "ease", "popularity", "recvae"]);
});

describe("a trial that ended", () => {
  const trial = { entry: entryOf("a", 1), secondsLeft: 30 } as unknown as Trial;
  const end: End = { code: 1, seconds: 5, limit: 60, wasAsked: false, trained: undefined, lastWords: "" };
  const trainedFor = (...seconds: number[]) =>
    ({
      wallSeconds: 0,
      epochs: seconds.map((each, k) => ({ epoch: k, seconds: each, validation: {} })),
      best: {},
    }) as never;

  test.each<[string, Partial<End>, string, RegExp | null]>([
    ["with a report is done", { code: 0, trained: trainedFor(3, 3) }, "done", null],
    [
      "with one epoch beyond its time is stopped, and its time is told",
      { trained: trainedFor(44) },
      "stopped",
      /^30 s are too little for one epoch, which took 44 s$/,
    ],
    ["when the benchmark was asked to stop is interrupted", { wasAsked: true }, "interrupted", null],
    [
      "beyond its time is stopped",
      { seconds: 61 },
      "stopped",
      /^not done when its 30 s were over: one epoch takes longer than 60 s$/,
    ],
    [
      "with an error of ours has failed of it",
      { lastWords: "MODEL_TOO_LARGE: 9 GB\nmore\n" },
      "failed",
      /^MODEL_TOO_LARGE: 9 GB$/,
    ],
    ["without a word has failed with its exit code", {}, "failed", /^ended with exit code 1 and left no report$/],
  ])("%s", (_, change, outcome, why) => {
    const verdict = outcomeOf(trial, { ...end, ...change });
    expect(verdict.outcome).toBe(outcome);
    if (why === null) expect(verdict.why).toBeNull();
    else expect(verdict.why).toMatch(why);
  });

  test("is done where the system does not tell how much memory it took (regression)", async () => {
    const out = mkdtempSync(join(tmpdir(), "tributary-trials-"));
    mkdirSync(join(out, "trials", "a"), { recursive: true });
    const report = { wallSeconds: 5, best: { validation: { "ndcg@100": 0.4 } }, peakMemoryBytes: null };
    writeFileSync(join(out, "trials", "a", "report.json"), JSON.stringify(report));
    expect(await resultOf(out, "a", false)).toMatchObject({ outcome: "done", validation: 0.4, seconds: 5 });
    rmSync(out, { recursive: true });
  });

  test.each(["best epoch 3: ", ".70 of a, .30 of b: "])(
    "never shows its test on the line of progress: %s",
    (beginning) => {
      expect(newestLine(`epoch 3/4\n${beginning}{"ndcg@100":{"mean":0.4,"standardError":0.1}}\n`)).toBe("epoch 3/4");
    },
  );
});

test("what is solved speaks of sweeps, and says when the budget ended them", () => {
  const solved = entryOf("wmf", 1, { kind: "solved", flags: [] });
  const epochs = [{ epoch: 1, seconds: 44, validation: { "ndcg@100": 0.3 } }];
  const trained = {
    wallSeconds: 44,
    epochs,
    best: { epoch: 1, validation: { "ndcg@100": 0.3 } },
    settings: { sweeps: 16 },
  };
  const end: End = { code: 0, seconds: 50, limit: 97, wasAsked: false, trained, lastWords: "" };
  expect(outcomeOf({ entry: solved, secondsLeft: 30 } as Trial, end).why).toBe(
    "30 s are too little for one sweep, which took 44 s",
  );
  const agenda = agendaOf([solved]);
  const evidence = played(
    agenda,
    () => ({ ...done(0.3), trained }),
    () => examAround(0.4, 0),
  );
  expect(reported(agenda, evidence).rows[0]!.remarks).toEqual(["the budget was over after 1 of 16 sweeps"]);
});

test("a row says when the budget cut its run or its grid short, and which setting failed", () => {
  const outcome = ({ setting }: Trial) =>
    setting.flags.length > 0 ? failed("NOT_FINITE: step 3") : done(0.42, { epochs: 40 });
  const remarksOf = (settings: number, budgetSeconds: number) => {
    const agenda = agendaOf([entryOf("a", settings)], { budgetSeconds });
    return reported(
      agenda,
      played(agenda, outcome, () => examAround(0.4, 0)),
    ).rows[0]!.remarks;
  };
  expect(remarksOf(4, 50)).toEqual([
    "the budget was over after 40 of 100 epochs",
    "the budget was over after 1 of 4 settings",
  ]);
  expect(remarksOf(2, 600).at(-1)).toBe("lambda 1: NOT_FINITE: step 3");
});

test.each([
  [1, ["lambda 1 is the least that was tried"]],
  [2, []],
  [3, ["lambda 3 is the most that was tried"]],
])("a row whose chosen value stands at an end of its grid says so: lambda %d", (best, remarks) => {
  const agenda = agendaOf([entryOf("a", 4, { flags: ["--epochs=20"] })]);
  const evidence = played(
    agenda,
    ({ setting }) => done(setting.name === `lambda ${best}` ? 0.42 : 0.4),
    () => examAround(0.4, 0),
  );
  expect(reported(agenda, evidence).rows[0]!.remarks).toEqual(remarks);
});

test("the time left is no more than the budgets, and nothing when all is done", () => {
  const agenda = agendaOf([entryOf("a", 3), entryOf("b", 3)], { budgetSeconds: 100 });
  const of = (seconds: number) => new Map([["a/usual", { seconds, validation: 0.4 }]]);
  expect(secondsLeft(agenda.plan, new Map())).toBeNull();
  expect(secondsLeft(agenda.plan, of(10))).toBe(20 + 30);
  expect(secondsLeft(agenda.plan, of(60))).toBe(40 + 100);
  const { results } = played(
    agenda,
    () => done(0.4),
    () => examAround(0.4, 0),
  );
  expect(secondsLeft(agenda.plan, results)).toBe(0);
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

  test("has the paper's order, marks what is quoted from memory, and says what did not finish", () => {
    expect(paperOrder.slice(0, 3)).toEqual(["recvae", "ract", "lambdanet"]);
    expect(publishedOf("slim", "MSD")).toBeNull();
    expect(publishedOf("popularity", "ML-20M")).toEqual([null, null, { value: 0.191, isRecalled: true }]);
    expect(publishedOf("ease", "MSD")?.map((each) => each!.isRecalled)).toEqual([true, true, false]);
    expect(publishedOf("nobody", "MSD")).toBeNull();
  });
});
