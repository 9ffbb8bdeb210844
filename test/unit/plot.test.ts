// Figures of runs: what is read from a run's files, what is drawn of it, and what is said when there is nothing to
// draw.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { learningFigure } from "../../services/commands/plot/learning.ts";
import { command } from "../../services/commands/plot/main.ts";
import { prequentialFigure } from "../../services/commands/plot/prequential.ts";
import { readLearning, readUsers, readWindows } from "../../services/commands/plot/run.ts";
import { stabilityFigure } from "../../services/commands/plot/stability.ts";
import { keepEpoch } from "../../shared/judging/per-user.ts";
import { type EpochOfUsers, usersOf } from "../../shared/judging/stability.ts";
import { svgOf } from "../../shared/plots/svg.ts";
import { readConfig } from "../../shared/runtime/command.ts";

const root = mkdtempSync(join(tmpdir(), "tributary-plot-"));
afterAll(() => rmSync(root, { recursive: true }));

let serial = 0;
function folder(files: Record<string, string>): string {
  const dir = join(root, String(serial++));
  mkdirSync(dir);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), content);
  return dir;
}

const report = {
  epochs: [1, 2, 3].map((epoch) => ({
    epoch,
    loss: { reconstruction: 90 - epoch, kl: 2 },
    validation: { "ndcg@100": [0.1, 0.3, 0.2][epoch - 1] },
  })),
  best: { epoch: 2 },
};
const evaluation = (round: number, ndcg: number, outcome = "published") =>
  JSON.stringify({ round, outcome, model: { "ndcg@100": ndcg }, popularity: { "ndcg@100": 0.11 } });
const windowLine = (at: number, recall: number) =>
  JSON.stringify({
    at,
    events: 5000,
    users: 70,
    model: "v000002",
    "recall@20": recall,
    "ndcg@100": 0.2,
    popularity: { "recall@20": 0.1, "ndcg@100": 0.1 },
  });
const lines = (...all: string[]) => `${all.join("\n")}\n`;

/** Text of the figure's labels and titles. */
const texts = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
const dashes = (svg: string) => new Set([...svg.matchAll(/stroke-dasharray="([^"]*)"/g)].map(([, dash]) => dash));

describe("learning", () => {
  test("of a training run is drawn from its report, with the loss and the best epoch", async () => {
    const learning = await readLearning(folder({ "report.json": JSON.stringify(report) }));
    expect(learning).toMatchObject({
      unit: "epoch",
      best: 2,
      points: [{ epoch: 1, ndcg: 0.1, loss: 91 }, { ndcg: 0.3 }, { epoch: 3 }],
    });
    const svg = await svgOf(learningFigure(learning));
    expect(texts(svg)).toEqual(
      expect.arrayContaining([
        "How the model learned",
        "◆ best: .3000 at epoch 2",
        "outer epoch",
        "loss a user (nats)",
      ]),
    );
    expect(svg).toContain("NDCG@100 on validation users");
    expect(svg).not.toContain("popularity");
  });

  test("of a continuous run is drawn from the evaluator's lines, beside popularity; torn and foreign lines are passed over", async () => {
    const torn = '{"round": 9, "outc';
    const unmeasured = JSON.stringify({ round: 4, outcome: "refused", model: null, popularity: null });
    const dir = folder({
      "evaluations.jsonl": lines(
        evaluation(2, 0.2),
        evaluation(1, 0.1, "refused"),
        unmeasured,
        "[]",
        evaluation(2, 0.25),
        torn,
      ),
    });
    const learning = await readLearning(dir);
    expect(learning).toEqual({
      unit: "round",
      points: [
        { epoch: 1, ndcg: 0.1, popularity: 0.11, published: false },
        { epoch: 2, ndcg: 0.25, popularity: 0.11, published: true },
      ],
    });
    expect(texts(await svgOf(learningFigure(learning)))).toEqual(
      expect.arrayContaining([
        "model",
        "popularity",
        "◆ best: .2500 at round 2 · ● published: 1 of 2",
        "round of the continuous run",
      ]),
    );
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ["an empty folder", {}, /NOTHING_TO_PLOT: neither a report\.json.* nor an evaluations\.jsonl/],
    [
      "evaluations without figures",
      { "evaluations.jsonl": '{"round"' },
      /NOTHING_TO_PLOT: no evaluation in it has figures yet/,
    ],
    ["a torn report", { "report.json": '{"epochs": [' }, /FILE_UNREADABLE.*report\.json/],
    ["another report", { "report.json": '{"protocol": "liang"}' }, /FILE_UNREADABLE: not the report of a training run/],
  ])("of %s is refused with what is missing", async (_, files, message) => {
    await expect(readLearning(folder(files))).rejects.toThrow(message);
  });

  test("of a folder that is not there is refused", async () => {
    await expect(readLearning(join(root, "nowhere"))).rejects.toThrow(/FILE_MISSING: no such folder/);
  });
});

describe("stability", () => {
  const epochs: EpochOfUsers[] = [1, 2, 3].map((epoch) => ({
    epoch,
    ndcg: new Map(Array.from({ length: 20 }, (_, user) => [`u${user}`, user === 0 ? epoch / 10 : 0.5])),
  }));

  test("tells how far users move from epoch to epoch on average, and follows the same users through all epochs", () => {
    const { changes, lines, drawn, means, users } = usersOf(epochs, 3, 7);
    expect(changes.map(({ epoch }) => epoch)).toEqual([2, 3]);
    for (const { change } of changes) expect(change).toBeCloseTo(0.1 / 20, 12);
    expect(means[2]!.ndcg).toBeCloseTo((0.3 + 19 * 0.5) / 20, 12);
    expect([drawn.length, users, lines.length]).toEqual([3, 20, 9]);
    expect(new Set(lines.map(({ user }) => user))).toEqual(new Set(drawn));
  });

  test("draws the same users for the same seed, others for another, and only those who stand in every epoch", () => {
    expect(usersOf(epochs, 5, 7).drawn).toEqual(usersOf(epochs, 5, 7).drawn);
    expect(usersOf(epochs, 5, 8).drawn).not.toEqual(usersOf(epochs, 5, 7).drawn);
    const lastMissing = [{ epoch: 0, ndcg: new Map([["u3", 0.1]]) }, ...epochs];
    expect(usersOf(lastMissing, 5, 7).drawn).toEqual(["u3"]);
    expect(usersOf([{ epoch: 0, ndcg: new Map() }, ...epochs], 5, 7).drawn).toHaveLength(5);
  });

  test("reads the files of a run, passes over one that is torn, and draws a line a user that is told apart without colour", async () => {
    const dir = folder({});
    for (const { epoch, ndcg } of epochs) {
      const scored = {
        part: "validation",
        scorer: "model",
        users: [...ndcg.keys()],
        metrics: { "ndcg@100": [...ndcg.values()] },
      } as const;
      await keepEpoch(join(dir, "evaluations"), { epoch, step: epoch }, [scored]);
    }
    writeFileSync(join(dir, "evaluations", "epoch-000004.parquet"), "torn");
    const read = await readUsers(dir);
    expect(read).toEqual(epochs);
    const svg = await svgOf(stabilityFigure(usersOf(read, 4, 7)));
    expect(texts(svg)).toEqual(expect.arrayContaining(usersOf(read, 4, 7).drawn.map((user) => `user ${user}`)));
    expect(svg).toContain("mean absolute change of a user's NDCG@100 from epoch to epoch: .0050");
    expect(dashes(svg).size).toBe(4);
  });

  test("of one epoch alone is refused: it shows no change", async () => {
    const dir = folder({});
    const scored = { part: "validation", scorer: "model", users: ["u1"], metrics: { "ndcg@100": [1] } } as const;
    await keepEpoch(join(dir, "evaluations"), { epoch: 1, step: 1 }, [scored]);
    await expect(readUsers(dir)).rejects.toThrow(
      /NOTHING_TO_PLOT: 1 of the files evaluations\/epoch-\*\.parquet; two are the least/,
    );
  });
});

describe("prequential", () => {
  test("draws recall@20 and NDCG@100 by the time of the windows, popularity beside; torn and foreign lines are passed over", async () => {
    const at = Date.UTC(2024, 4, 1, 12);
    const dir = folder({
      "prequential.jsonl": lines(windowLine(at + 600_000, 0.3), '{"at": 5}', windowLine(at, 0.2), '{"at": 17'),
    });
    const windows = await readWindows(dir);
    expect(windows.map(({ at, model, version }) => [at, model.recall, version])).toEqual([
      [at, 0.2, "v000002"],
      [at + 600_000, 0.3, "v000002"],
    ]);
    expect(texts(await svgOf(prequentialFigure(windows)))).toEqual(
      expect.arrayContaining([
        "recall@20",
        "NDCG@100",
        "published model",
        "popularity",
        "12:05:00",
        "arrival of the window's newest event (UTC)",
      ]),
    );
  });

  test("of a run without windows is refused with the file that is missing", async () => {
    await expect(readWindows(folder({}))).rejects.toThrow(/NOTHING_TO_PLOT: no prequential\.jsonl/);
    await expect(readWindows(folder({ "prequential.jsonl": "\n" }))).rejects.toThrow(
      /NOTHING_TO_PLOT: it holds no window yet/,
    );
  });
});

test("the command writes the file as a whole, makes its folder, and refuses another figure", async () => {
  const run = folder({ "report.json": JSON.stringify(report) });
  const out = join(root, "figures", "learning.svg");
  const config = (...argv: string[]) => readConfig(command, argv, {});
  await command.run(config("learning", "--run", run, "--out", out), undefined as never);
  const svg = await svgOf(learningFigure(await readLearning(run)));
  expect(readFileSync(out, "utf8")).toBe(svg);
  expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  expect(readdirSync(join(root, "figures"))).toEqual(["learning.svg"]);
  expect(() => config("pie", "--run", run, "--out", out)).toThrow(
    /USAGE: FIGURE "pie": must be learning, stability or prequential/,
  );
});
