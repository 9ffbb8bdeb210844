// `evaluate --stream`: what an evaluator has kept of what arrived, told by parts of the stream.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { command } from "../../services/commands/evaluate/main.ts";
import { partsOf } from "../../services/commands/evaluate/stream/parts.ts";
import { streamReport } from "../../services/commands/evaluate/stream/run.ts";
import type { PrequentialLine } from "../../shared/judging/point.ts";
import { prequentialLine } from "../../shared/judging/point.ts";
import { blockOf, type Scored } from "../../shared/judging/window.ts";
import { readConfig } from "../../shared/runtime/command.ts";

const gain = (value: number) => ({ recall: value, ndcg: value / 2 });
/** An arrival of a user, of which what was served made so much, and each reference so much less. */
const scored = (user: number, model: number, less: number): Scored => ({
  ...{ user, model: gain(model), alone: gain(0), popularity: gain(model - 2 * less) },
  ...{ popularNow: gain(model - less), popularThen: gain(model - less) },
  ...{ coVisits: gain(model), coVisitsThen: gain(model - less), isKnown: true },
});
const pair = { "recall@20": 0, "ndcg@100": 0 };
const line = (tableEvents: number, model: string, arrivals: readonly Scored[]): PrequentialLine => ({
  ...{ at: tableEvents, tableVersion: 1, model, events: 9, users: 9, unknownItems: 0, behind: 100, tableEvents },
  ...{ ...pair, popularity: pair, block: prequentialLine.shape.block.parse(blockOf(arrivals)) },
});
const lines = [
  line(1_000, "v1", [scored(1, 0.5, 0.1), scored(2, 0.7, 0.3)]),
  line(2_000, "v1", [scored(1, 0.2, 0), scored(1, 0.4, 0), scored(3, 0.9, 0.3), scored(4, 0.5, 0.3)]),
  line(4_000, "v2", [scored(5, 1, 0.5)]),
];

describe("parts of a stream", () => {
  test("are sums of the blocks that lie in them: means over arrivals, leads over users with their errors", () => {
    const [first, second] = partsOf(lines, [2_000]);
    expect(first).toMatchObject({ name: "events 0 to 2,000", arrivals: 6, users: 5, models: 1, behind: 100 });
    expect(first!.places.served!.recall.mean).toBeCloseTo((0.5 + 0.7 + 0.2 + 0.4 + 0.9 + 0.5) / 6, 12);
    expect(first!.places.served!.recall.standardError).toBeGreaterThan(0);
    // users of the blocks: .1 and .3; 0, .3 and .3
    const lead = first!.places["popular-now"]!.lead!;
    expect(lead.recall.mean).toBeCloseTo((0.1 + 0.3 + 0 + 0.3 + 0.3) / 5, 12);
    expect(lead.recall.standardError).toBeCloseTo(Math.hypot((2 / 5) * 0.1, (3 / 5) * 0.1), 12);
    expect(first!.places["popular-ever"]!.lead!.ndcg.mean).toBeCloseTo(lead.recall.mean, 12);
    expect(first!.places["co-visits-late"]!.lead!.recall).toEqual(lead.recall);
    expect(second).toMatchObject({ name: "events 2,000 to 4,000", arrivals: 1, users: 1, models: 1 });
    expect(second!.places.served!.recall.mean).toBe(1);
  });

  test("take a block where most of it lies, and say of a part without one that nothing arrived", () => {
    expect(partsOf(lines, [1_600, 1_700, 2_900, 3_500]).map(({ arrivals }) => arrivals)).toEqual([6, 0, 0, 1, 0]);
    expect(partsOf(lines, undefined).map(({ name }) => name)).toHaveLength(5);
  });

  test("are as unsure as blocks differ among themselves, where users within them differ less", () => {
    const even = (lead: number, to: number) => line(to, "v1", [scored(1, 0.6, lead), scored(2, 0.6, lead)]);
    const [all] = partsOf([even(0.1, 1_000), even(0.2, 2_000), even(0.3, 3_000)], [3_000]);
    const { mean, standardError } = all!.places["popular-now"]!.lead!.recall;
    expect(mean).toBeCloseTo(0.2, 12);
    expect(standardError).toBeCloseTo(0.1 / Math.sqrt(3), 12);
  });

  test("of blocks from before everything was compared have a difference, and no error", () => {
    const old = lines.map(({ block, ...each }) => {
      const { "recall@20:se": _, "ndcg@100:se": __, lead, ...means } = block!;
      const { popularity: ___, coVisitsThen: ____, ...kept } = lead;
      return prequentialLine.parse({ ...each, block: { ...means, lead: kept } });
    });
    const [all] = partsOf(old, [4_000]);
    expect(all!.places.served!.recall.standardError).toBeNaN();
    const { lead, recall } = all!.places["popular-ever"]!;
    expect(lead!.recall.mean).toBeCloseTo(all!.places.served!.recall.mean - recall.mean, 12);
    expect(lead!.recall.standardError).toBeNaN();
    expect(all!.places["popular-now"]!.lead!.recall.standardError).toBeGreaterThan(0);
  });
});

describe("evaluate --stream", () => {
  let dir = "";
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "tributary-evaluate-stream-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const write = (text: string) => writeFileSync(join(dir, "prequential.jsonl"), text);

  test("tells a data directory's parts, for people and for machines; a line that was torn counts as none", async () => {
    write(`${lines.map((each) => JSON.stringify(each)).join("\n")}\n{"at":`);
    const text = await streamReport(dir, [2_000], false);
    expect(text).toContain("4,000 events of the table");
    expect(text).toContain("events 0 to 2,000: 6 arrivals of 5 users, 1 model or more, pinned 100 events before");
    expect(text).toMatch(/\.533 ± \.\d{3} {2}\.267 ± \.\d{3} {2}served/);
    expect(text).toMatch(/popular now, at once {2}\(\.200 ± \.072, \.100 ± \.036\)/);
    const json = JSON.parse(await streamReport(dir, [2_000], true));
    expect(json.parts[0].places["popular-now"].lead.recall.mean).toBeCloseTo(0.2, 12);
  });

  test("says what is missing: the file, or an arrival in it", async () => {
    await expect(streamReport(dir, undefined, false)).rejects.toThrow("FILE_MISSING");
    write("");
    await expect(streamReport(dir, undefined, false)).rejects.toThrow("NOTHING_ARRIVED");
  });

  test("stands instead of a checkpoint, not beside one", () => {
    const read =
      (...argv: string[]) =>
      () =>
        readConfig(command, argv, {});
    expect(read("--stream", dir, "--parts", "130000,282000")().parts).toEqual([130_000, 282_000]);
    expect(read("--stream", dir, "--checkpoint", dir)).toThrow("give either --checkpoint or --stream");
    expect(read("--data", dir)).toThrow("--checkpoint is required");
    expect(read("--stream", dir, "--parts", "0")).toThrow("whole numbers");
  });
});
