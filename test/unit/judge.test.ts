// Who is held out, and how a checkpoint is measured beside the published model and popularity.
import { describe, expect, test } from "vitest";
import { batchOf } from "../../shared/events/batch.ts";
import { Histories } from "../../shared/events/histories.ts";
import { isTarget, partOf } from "../../shared/events/split.ts";
import { Vocabulary } from "../../shared/events/vocabulary.ts";
import { inColumnsOf, type Judged, judge } from "../../shared/judging/candidate.ts";
import { heldOut, popularityIn } from "../../shared/judging/held-out.ts";

const salt = "pepper";
const never = new AbortController().signal;
const names = (prefix: string, count: number) => Array.from({ length: count }, (_, k) => `${prefix}${k}`);

/** Users of two tastes: even ones like even items, odd ones odd items; item 0 and 1 are everybody's. */
function twoTastes(users: number, items: number): Histories {
  const histories = new Histories(salt);
  const rows = names("u", users).flatMap((user, u) =>
    names("i", items)
      .filter((_, i) => i < 2 || i % 2 === u % 2)
      .map((item) => ({ user, item, timestamp: 0, value: null, partition: 0, offset: 0 })),
  );
  histories.append(batchOf(rows), 0);
  return histories;
}

/** Scores items by the parity of the fold-in's: knows the two tastes, or (sign -1) prefers the wrong one. */
function parityModel(vocabulary: Vocabulary, sign = 1): Judged {
  const parity = (column: number) => Number(vocabulary.items[column]!.slice(1)) % 2;
  return {
    vocabulary,
    scoreBatch: (foldIns) => {
      const scores_BI = new Float32Array(foldIns.length * vocabulary.items.length);
      foldIns.forEach((row, k) => {
        const odd = row.reduce((sum, column) => sum + parity(column), 0) > row.length / 2 ? 1 : 0;
        for (let column = 0; column < vocabulary.items.length; column++)
          scores_BI[k * vocabulary.items.length + column] = parity(column) === odd ? sign : -sign;
      });
      return scores_BI;
    },
  };
}

/** The same model, which puts four items behind all others, two of them of each taste. */
const blurred = (model: Judged): Judged => ({
  ...model,
  scoreBatch: (rows) => {
    const scores_BI = model.scoreBatch(rows);
    for (let at = 0; at < scores_BI.length; at += scores_BI.length / rows.length) scores_BI.fill(-2, at + 4, at + 8);
    return scores_BI;
  },
});

describe("held-out users", () => {
  const histories = twoTastes(400, 40);

  test("are those that the split names, cut as the split says, in the model's columns", () => {
    const vocabulary = new Vocabulary(names("i", 40).reverse());
    const users = heldOut(histories, "test", salt, vocabulary, 1000);
    expect(users.length).toBe(histories.users.filter((user) => partOf(user, salt) === "test").length);
    const all = users.flatMap(({ foldIn, target }) => [...foldIn, ...target]);
    expect(Math.max(...all)).toBeLessThan(40);
    const targets = histories.users
      .filter((user) => partOf(user, salt) === "test")
      .map((user) =>
        names("i", 40)
          .filter((item, i) => (i < 2 || i % 2 === Number(user.slice(1)) % 2) && isTarget(user, item, salt))
          .sort(),
      );
    expect(users.map(({ target }) => [...target].map((column) => vocabulary.items[column]!).sort()).sort()).toEqual(
      targets.sort(),
    );
  });

  test("a bounded sample stays the same people when others arrive", () => {
    const few = heldOut(twoTastes(300, 40), "validation", salt, histories.vocabulary, 1000);
    const sample = heldOut(histories, "validation", salt, histories.vocabulary, 10);
    const more = heldOut(histories, "validation", salt, histories.vocabulary, 20);
    expect(sample).toHaveLength(10);
    expect(more.slice(0, 10)).toEqual(sample);
    expect(few.length).toBeGreaterThan(10);
  });

  test("items that the model has never met are left out, and users who then lack a side too", () => {
    const vocabulary = new Vocabulary(names("i", 20));
    for (const { foldIn, target } of heldOut(histories, "validation", salt, vocabulary, 1000)) {
      expect(foldIn.length).toBeGreaterThan(0);
      expect(target.length).toBeGreaterThan(0);
      for (const column of [...foldIn, ...target]) expect(column).toBeLessThan(20);
    }
    expect(heldOut(histories, "validation", salt, new Vocabulary(["elsewhere"]), 1000)).toEqual([]);
  });

  test("popularity counts training users only, in the model's columns", () => {
    const counts = popularityIn(histories, new Vocabulary(["i1", "elsewhere", "i0"]));
    const train = histories.users.filter((user) => partOf(user, salt) === "train").length;
    expect([...counts]).toEqual([train, 0, train]);
  });
});

describe("judging", () => {
  const histories = twoTastes(400, 40);
  const limits = { salt, maxUsers: 2000, tolerance: 0.01 };
  const good = parityModel(histories.vocabulary);

  test("a model that knows the tastes beats popularity and passes", async () => {
    const measured = await judge(good, null, histories, limits, never);
    expect(measured.refusal).toBeNull();
    expect(measured.users).toBeGreaterThan(20);
    expect(measured.model!["ndcg@100"]).toBeGreaterThan(measured.popularity!["ndcg@100"]);
    expect(measured.incumbent).toBeNull();
  });

  test("each user's figures are told by name, and their mean is the model's", async () => {
    const { perUser, model, users } = await judge(good, null, histories, limits, never);
    expect(perUser!.users).toHaveLength(users);
    expect(perUser!.users.every((user) => partOf(user, salt) === "validation")).toBe(true);
    const values = Array.from(perUser!.metrics["ndcg@100"]!);
    expect(values.reduce((sum, value) => sum + value / users, 0)).toBeCloseTo(model!["ndcg@100"], 12);
  });

  test("a model that prefers the wrong taste is refused", async () => {
    const measured = await judge(parityModel(histories.vocabulary, -1), null, histories, limits, never);
    expect(measured.refusal).toContain("below plain popularity");
  });

  test("scores that are not finite are refused, though the weights are finite", async () => {
    const scoreBatch: Judged["scoreBatch"] = (foldIns) => good.scoreBatch(foldIns).fill(Number.NaN, 7, 8);
    const measured = await judge({ ...good, scoreBatch }, null, histories, limits, never);
    expect(measured).toMatchObject({ refusal: "scores are not finite", model: null, perUser: undefined });
  });

  test("the incumbent is judged on the same users, in the candidate's columns", async () => {
    const older = { ...parityModel(new Vocabulary(histories.vocabulary.items.slice(0, 30))), version: "v000001" };
    const measured = await judge(good, older, histories, limits, never);
    expect(measured.incumbent).toMatchObject({ version: "v000001" });
    expect(measured.incumbent!["ndcg@100"]).toBeLessThan(measured.model!["ndcg@100"]);
    expect(measured.refusal).toBeNull();
  });

  test("the incumbent is asked again only of users to whom something came, and is worth to all what it is", async () => {
    const growing = twoTastes(400, 40);
    const old = parityModel(new Vocabulary([...growing.vocabulary.items]));
    const asked: number[] = [];
    const scoreBatch: Judged["scoreBatch"] = (rows) => {
      asked.push(rows.length);
      return old.scoreBatch(rows);
    };
    const { past } = await judge(old, null, growing, limits, never);
    const [someone] = heldOut(growing, "validation", salt, growing.vocabulary, 1000);
    const more = [{ user: someone!.user, item: "i77", timestamp: 0, value: null, partition: 0, offset: 0 }];
    growing.append(batchOf(more), 1);
    const wide = parityModel(new Vocabulary([...growing.vocabulary.items]));
    const plainly = await judge(wide, { ...old, version: "v1" }, growing, limits, never);
    const again = await judge(wide, { ...old, scoreBatch, version: "v1", past }, growing, limits, never);
    expect(again).toEqual(plainly);
    expect(asked).toEqual([1]);
  });

  test("a model that loses user by user against the incumbent is refused, with by how much on the hold-out", async () => {
    const worse = await judge(blurred(good), { ...good, version: "v000004" }, histories, limits, never);
    expect(worse.model!["ndcg@100"]).toBeGreaterThan(worse.popularity!["ndcg@100"]);
    expect(worse.refusal).toMatch(
      /^on the hold-out its NDCG@100 is 0\.\d{4} ± 0\.\d{4} below that of v000004 \(\d+ users\)/,
    );
  });

  test("where the hold-out is of the past its loss is said, and refuses nobody", async () => {
    const limitsOfThePast = { ...limits, isOfThePast: true };
    const worse = await judge(blurred(good), { ...good, version: "v000004" }, histories, limitsOfThePast, never);
    expect(worse.refusal).toBeNull();
    expect(worse.lost).toMatch(/^on the hold-out its NDCG@100 is 0\.\d{4} ± 0\.\d{4} below that of v000004/);
    expect((await judge(good, { ...good, version: "v4" }, histories, limitsOfThePast, never)).lost).toBeNull();
    const further = [{ name: "prequential window", differences: new Float64Array(40).fill(-0.1) }];
    const there = await judge(good, { ...good, version: "v4" }, histories, limitsOfThePast, never, further);
    expect(there.refusal).toContain("on the prequential window");
  });

  test("a further comparison is heard too", async () => {
    const further = [{ name: "prequential window", differences: new Float64Array(40).fill(-0.1) }];
    const measured = await judge(good, { ...good, version: "v000004" }, histories, limits, never, further);
    expect(measured.refusal).toContain("on the prequential window");
    expect((await judge(good, { ...good, version: "v000004" }, histories, limits, never)).refusal).toBeNull();
  });

  test("a smaller vocabulary than the incumbent's is refused", async () => {
    const measured = await judge(
      parityModel(new Vocabulary(names("i", 30))),
      { ...good, version: "v000001" },
      histories,
      limits,
      never,
    );
    expect(measured.refusal).toContain("smaller than the 40 of v000001");
  });

  test("an older model's unknown items come last", () => {
    const older: Judged = {
      vocabulary: new Vocabulary(["b", "a"]),
      scoreBatch: (rows) => Float32Array.from(rows.flatMap((row) => [row.length, row[0] ?? -1])),
    };
    const scores = inColumnsOf(new Vocabulary(["a", "b", "c"]), older)([Int32Array.of(0, 2), Int32Array.of(1, 0, 2)]);
    expect([...scores]).toEqual([1, 1, -Infinity, 0, 2, -Infinity]);
  });

  test("an evaluation stops when the service is asked to drain", async () => {
    await expect(judge(good, null, histories, limits, AbortSignal.abort(new Error("draining")))).rejects.toThrow(
      "draining",
    );
  });
});
