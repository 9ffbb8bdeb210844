// What checkpoints share: a part that did not change is not written again, none is deleted that a kept checkpoint is
// made of, and memory that is being written stays as it is.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeEach, expect, test } from "vitest";
import { Posteriors } from "../../services/server/run/posteriors.ts";
import { type Given, openCheckpointing } from "../../services/server/saving/checkpointing.ts";
import {
  type Contents,
  listCheckpoints,
  newestCheckpoint,
  saveCheckpoint,
} from "../../shared/checkpoints/checkpoints.ts";
import { type Disk, realDisk } from "../../shared/checkpoints/disk.ts";
import { readManifest } from "../../shared/checkpoints/manifest.ts";
import { assembled, type Known } from "../../shared/checkpoints/pieces.ts";
import { initialise, type Weights } from "../../shared/neural/parameters.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";

const root = mkdtempSync(join(tmpdir(), "tributary-pieces-"));
afterAll(() => rmSync(root, { recursive: true }));
let checkpoints: string;
beforeEach(() => {
  checkpoints = join(mkdtempSync(join(root, "out-")), "checkpoints");
});

const settings = { ...defaults, items: 3, hidden: 4, latent: 2 };
const weights = initialise(recipeOf(settings), 1);
const tensor = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) });

/** A checkpoint of a step; each piece holds its revision. */
function at(step: number, revisions: Readonly<Record<string, number>>, midRound = false): Contents {
  const facts = { config: settings, step, round: 1, midRound, seed: 1, salt: "", tableVersion: null, watermark: null };
  const pieces = Object.entries(revisions).map(([name, revision]) => ({
    name,
    revision,
    tensors: { [name]: tensor(revision) },
  }));
  const vocabulary = ["a", "b", "c"];
  return { weights, state: {}, pieces, training: {}, vocabulary, facts: { ...facts, createdAt: 0 } };
}
const piecesOf = () => readdirSync(join(checkpoints, "pieces"));
const newest = () =>
  newestCheckpoint(checkpoints, (error) => {
    throw error;
  });

test("a part that did not change is written once, and the checkpoint after it is whole without its tensors", async () => {
  const written: string[] = [];
  const disk: Disk = {
    ...realDisk,
    append: (path, bytes) => {
      written.push(basename(path).replace(/^\./, "").split(".")[0]!);
      return realDisk.append(path, bytes);
    },
  };
  const known: Known = new Map();
  await saveCheckpoint(checkpoints, at(1, { encoder: 1, decoder: 1 }), 3, disk, known);
  written.length = 0;
  const second = at(2, { encoder: 2, decoder: 1 });
  const pieces = second.pieces!.map((piece) => (piece.name === "decoder" ? { ...piece, tensors: undefined } : piece));
  await saveCheckpoint(checkpoints, { ...second, pieces }, 3, disk, known);
  expect(new Set(written)).toContain("encoder");
  expect(written).not.toContain("decoder");
  expect((await newest())!.state).toEqual({ encoder: tensor(2), decoder: tensor(1) });
  expect(piecesOf()).toHaveLength(3);
});

test("property: whatever changes and whichever checkpoints are kept, each kept one is whole, and nothing else is kept", async () => {
  const save = fc.record({
    changed: fc.subarray(["encoder", "decoder", "posteriors.0", "posteriors.1"]),
    gone: fc.boolean(),
    midRound: fc.boolean(),
    kept: fc.integer({ min: 1, max: 3 }),
    isNewProcess: fc.boolean(),
    setBack: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(save, { minLength: 1, maxLength: 8 }), async (saves) => {
      const here = join(mkdtempSync(join(root, "property-")), "checkpoints");
      const revisions: Record<string, number> = { encoder: 0, decoder: 0, "posteriors.0": 0 };
      let known: Known = new Map();
      let step = 0;
      for (const { changed, gone, midRound, kept, isNewProcess, setBack } of saves) {
        if (isNewProcess) known = new Map();
        step += setBack && step > 0 ? 0 : 1;
        if (gone) delete revisions["posteriors.1"];
        for (const name of changed) revisions[name] = 10 * step + Object.keys(revisions).length;
        await saveCheckpoint(here, at(step, revisions, midRound), kept, realDisk, known);
        const named = new Set<string>();
        for (const dir of await listCheckpoints(here))
          for (const { file } of (await readManifest(dir)).pieces!) named.add(file);
        expect(new Set(readdirSync(join(here, "pieces")))).toEqual(named);
        const found = await newestCheckpoint(here, (error) => {
          throw error;
        });
        const expected = Object.fromEntries(Object.entries(revisions).map(([name, value]) => [name, tensor(value)]));
        expect(found!.state).toEqual(expected);
      }
    }),
    { seed: 5, numRuns: 25 },
  );
});

test("a checkpoint whose piece is torn or gone is passed over for the one before, which has another", async () => {
  for (const harm of [(path: string) => truncateSync(path, 9), (path: string) => rmSync(path)]) {
    await saveCheckpoint(checkpoints, at(1, { encoder: 1 }), 3);
    await saveCheckpoint(checkpoints, at(2, { encoder: 2 }), 3);
    const { pieces } = await readManifest((await listCheckpoints(checkpoints)).at(-1)!);
    harm(join(checkpoints, "pieces", pieces![0]!.file));
    const warnings: string[] = [];
    const found = await newestCheckpoint(checkpoints, ({ message }) => warnings.push(message));
    expect(found?.manifest.step).toBe(1);
    expect(warnings).toEqual([expect.stringMatching(/^CHECKPOINT_(CORRUPT|MISSING).*pieces/)]);
  }
});

test("a piece that the disk has spoilt is written anew by the next process that has it", async () => {
  await saveCheckpoint(checkpoints, at(1, { encoder: 1 }), 1);
  const [file] = piecesOf();
  writeFileSync(join(checkpoints, "pieces", file!), "rot");
  await saveCheckpoint(checkpoints, at(2, { encoder: 1 }), 1);
  expect(piecesOf()).toEqual([file]);
  expect((await newest())!.manifest.step).toBe(2);
});

test("one of before there were pieces is gone on with: all of its state is in one file", async () => {
  const state = { ...at(1, {}).state, "posterior.users": tensor(1) };
  await saveCheckpoint(checkpoints, { ...at(1, {}), state, pieces: undefined }, 1);
  const path = join(checkpoints, "000000000001", "manifest.json");
  const { pieces: _, hash: __, ...before } = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify(before));
  expect((await newest())!.state).toEqual(state);
  expect(existsSync(join(checkpoints, "pieces"))).toBe(false);
});

test("rows of several pieces follow one another, and are joined only where somebody looks", () => {
  const matrix = (...values: number[]) => ({ shape: [values.length / 2, 2], data: Float32Array.from(values) });
  const { mu } = assembled([{ mu: matrix(1, 2, 3, 4) }, { mu: matrix(5, 6) }]) as { mu: Weights[string] };
  expect([mu.shape, [...mu.data], mu.pieces!.length]).toEqual([[3, 2], [1, 2, 3, 4, 5, 6], 2]);
});

/** Posteriors of so many users, each with a number of its own. */
function posteriorsOf(users: number, value: number): Posteriors {
  const posteriors = new Posteriors(1);
  fill(posteriors, 0, users, value);
  return posteriors;
}
function fill(posteriors: Posteriors, from: number, count: number, value: number): void {
  const numbers = Array.from({ length: count }, (_, k) => from + k);
  const data = Float32Array.from(numbers, (user) => user + value);
  posteriors.set(numbers, () => 7, data, data);
}

test("posteriors that did not move keep their revision: only the block that grew has another", () => {
  const posteriors = posteriorsOf(20_000, 0);
  const before = posteriors.pieces();
  expect(before.map(({ name }) => name)).toEqual(["posteriors.0", "posteriors.1", "posteriors.2"]);
  fill(posteriors, 20_000, 10, 0);
  const after = posteriors.pieces();
  expect(after.map(({ revision }, k) => revision === before[k]!.revision)).toEqual([true, true, false]);
  posteriors.clear();
  expect(posteriors.pieces()).toEqual([]);
  fill(posteriors, 0, 5, 1);
  expect(posteriors.pieces()[0]!.revision).not.toBe(before[0]!.revision);
});

test("what was lent stays as it was while the run goes on, and its memory is used again when it is given back", () => {
  const posteriors = posteriorsOf(4, 0);
  const [piece] = posteriors.pieces();
  const giveBack = piece!.lend();
  const { data } = piece!.tensors["posterior.mu"]!;
  fill(posteriors, 0, 4, 100);
  expect([...data]).toEqual([0, 1, 2, 3]);
  expect([...posteriors.of([0, 3]).mu]).toEqual([100, 103]);
  giveBack();
  const again = posteriors.pieces()[0]!.tensors["posterior.mu"]!;
  fill(posteriors, 0, 4, 200);
  expect([...again.data]).toEqual([200, 201, 202, 203]);
});

test("posteriors come back from their pieces, of whole blocks and of parts of one, and from one tensor of before", () => {
  const posteriors = posteriorsOf(17_000, 5);
  const state = assembled(posteriors.pieces().map(({ tensors }) => tensors));
  const whole = Object.fromEntries(Object.entries(state).map(([name, { shape, data }]) => [name, { shape, data }]));
  for (const each of [state, whole]) {
    const back = Posteriors.from(each, 1);
    expect(back.of([0, 8191, 8192, 16_999])).toEqual(posteriors.of([0, 8191, 8192, 16_999]));
    expect([back.has(16_999, 7), back.has(16_999, 8), back.has(17_000, 7)]).toEqual([true, false, false]);
  }
  const { "posterior.mu": _, ...torn } = state;
  expect(() => Posteriors.from(torn, 1)).toThrow(/CHECKPOINT_CORRUPT/);
});

/** Checkpointing whose writes end when they are told to, and what each was given. */
function bench() {
  const clock = { seconds: 0 };
  const given: (readonly string[])[] = [];
  let end: (error?: Error) => void = () => {};
  const checkpointing = openCheckpointing({
    ...{ seconds: 30, from: undefined, now: () => clock.seconds, told: () => undefined },
    write: ({ pieces = [] }) => {
      given.push(pieces.filter(({ tensors }) => tensors).map(({ name }) => name));
      return new Promise((resolve, reject) => {
        end = (error) => (error ? reject(error) : resolve());
      });
    },
  });
  return { checkpointing, clock, given, end: (error?: Error) => end(error) };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("the writer is given what changed since the newest checkpoint on disk, and all of it after one that failed", async () => {
  const { checkpointing, given, end } = bench();
  for (const [step, revisions, error] of [
    [1, { encoder: 1, decoder: 1 }],
    [2, { encoder: 2, decoder: 1 }],
    [3, { encoder: 3, decoder: 1 }, new Error("full")],
    [4, { encoder: 3, decoder: 1 }],
    [5, { encoder: 3, decoder: 2 }],
  ] as const) {
    await checkpointing.save(at(step, revisions) as Given);
    end(error);
    await turn();
  }
  expect(given).toEqual([["encoder", "decoder"], ["encoder"], ["encoder"], ["encoder", "decoder"], ["decoder"]]);
});

test("where much changes the next one between two steps is later, so that no more than 3 MB a second are written", async () => {
  const { checkpointing, clock, given, end } = bench();
  const large = { ...at(1, {}), state: { moments: { shape: [75e6], data: new Float32Array(0) } } };
  await checkpointing.save(large);
  end();
  await turn();
  for (const [seconds, made] of [
    [99, 1],
    [101, 2],
  ] as const) {
    clock.seconds = seconds;
    checkpointing.offer(() => at(3, {}, true));
    expect(given.length, `after ${seconds} s`).toBe(made);
  }
});

test("until the first checkpoint is due its memory is made ready bit by bit, and the copy then is right", async () => {
  const { checkpointing, clock, given, end } = bench();
  const looks: number[] = [];
  const contents = (step: number) => () => {
    looks.push(step);
    return at(step, { encoder: step }, true);
  };
  for (const step of [1, 2, 3]) checkpointing.offer(contents(step));
  clock.seconds = 31;
  checkpointing.offer(contents(4));
  end();
  await checkpointing.settled();
  expect(looks).toEqual([1, 4]);
  expect(given).toEqual([["encoder"]]);
});
