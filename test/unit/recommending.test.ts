// Recommendations without a network: what a request may say, and what the answer holds.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { itemsOf } from "../../services/commands/recommend/history.ts";
import { readTitles } from "../../services/commands/recommend/titles.ts";
import { refuse } from "../../services/serve/refusals.ts";
import { AppError } from "../../shared/errors/errors.ts";
import { Vocabulary } from "../../shared/events/vocabulary.ts";
import { recommend, recommending } from "../../shared/recommending/recommender.ts";
import { readRequest } from "../../shared/recommending/requests.ts";

/** Whoever has two items or more is given high columns, anybody else low ones. */
const model = recommending("v000001", {
  vocabulary: new Vocabulary(["a", "b", "c", "d", "e"]),
  scoreBatch: (foldIns) =>
    Float32Array.from(foldIns.flatMap((row) => [0, 1, 2, 3, 4].map((column) => (row.length > 1 ? column : -column)))),
});
const wish = { k: 10, exclude: [], includeSeen: false };
const listed = (answer: { items: { item: string }[] }) => answer.items.map(({ item }) => item).join("");

describe("recommend", () => {
  test("lists the best first, without what the user has and what is excluded", () => {
    const answer = recommend(model, { ...wish, history: ["e", "a", "e"], exclude: ["c", "elsewhere"] });
    expect(answer).toEqual({
      model: "v000001",
      items: [
        { item: "d", score: 3 },
        { item: "b", score: 1 },
      ],
    });
  });

  test("lists at most k", () => {
    expect(listed(recommend(model, { ...wish, history: ["a", "e"], k: 2 }))).toBe("dc");
  });

  test("lists seen items on request, and excluded ones never", () => {
    expect(listed(recommend(model, { ...wish, history: ["a", "e"], exclude: ["d"], includeSeen: true }))).toBe("ecba");
  });

  test("names unknown items and goes by the others", () => {
    const answer = recommend(model, { ...wish, history: ["x", "a", "y", "b", "x"] });
    expect(answer.unknown).toEqual(["x", "y"]);
    expect(answer.fallback).toBeUndefined();
    expect(listed(answer)).toBe("edc");
  });

  test.each([[[]], [["x"]]])("without any known item (%j) gives the popular ones and says so", (history) => {
    const answer = recommend(model, { ...wish, history, k: 3 });
    expect(answer.fallback).toBe("popular");
    expect(listed(answer)).toBe("abc");
  });
});

describe("titles", () => {
  const dir = mkdtempSync(join(tmpdir(), "titles-"));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test.each([
    ["MovieLens' own", 'movieId,title,genres\n1,"Piano, The",Drama\n2,Heat,Action\n'],
    ["a numbered copy of it", ',movieId,title,genres\n0,1,"Piano, The",Drama\n1,2,Heat,Action\n'],
    ["two unnamed columns", 'a,b\n1,"Piano, The"\n2,Heat\n'],
  ])("are read from %s", async (name, text) => {
    const path = join(dir, name);
    writeFileSync(path, text);
    expect([...(await readTitles(path))]).toEqual([
      ["1", "Piano, The"],
      ["2", "Heat"],
    ]);
  });

  test("a file of one column, and one that is not CSV, are refused", async () => {
    for (const text of ["a\n1\n", 'a,b\n1,"x\n']) {
      writeFileSync(join(dir, "bad"), text);
      await expect(readTitles(join(dir, "bad"))).rejects.toMatchObject({ code: "CSV_MALFORMED" });
    }
  });
});

describe("--items", () => {
  const titles = new Map([
    ["1", "Toy Story (1995)"],
    ["6", "Heat (1995)"],
    ["509", "Piano, The (1993)"],
    ["2", "Good, the Bad and the Ugly, The (Buono, il brutto, il cattivo, Il) (1966)"],
    ["3", "10,000 BC (2008)"],
    ["4", "Emma (1996)"],
    ["5", "Emma (1996)"],
    ["7", "Heat (1995), Piano, The (1993)"],
    ["1984", "1984 (1956)"],
    ["300", "1984"],
  ]);

  test.each([
    ["ids", "1, 6,509 ", ["1", "6", "509"]],
    ["nothing", " , ", []],
    ["a title", "Toy Story (1995)", ["1"]],
    ["a title in another case and spacing", " toy  story (1995)", ["1"]],
    ["titles that hold commas", "Piano, The (1993), Toy Story (1995),10,000 BC (2008)", ["509", "1", "3"]],
    ["the longest title that fits", "Heat (1995), Piano, The (1993)", ["7"]],
    ["quotes, which keep pieces apart", '"Heat (1995)", "Piano, The (1993)"', ["6", "509"]],
    [
      "many commas in a title",
      "6,Good, the Bad and the Ugly, The (Buono, il brutto, il cattivo, Il) (1966),1",
      ["6", "2", "1"],
    ],
    ["the first of two films with one title", "Emma (1996)", ["4"]],
    ["an id before a title that reads alike", "1984", ["1984"]],
    ["what is neither, as it is", "Piano, nowhere, 6", ["Piano", "nowhere", "6"]],
    ["ids that hold quotes", 'a"b,6', ['a"b', "6"]],
  ])("takes %s", (_, text, items) => {
    expect(itemsOf(text, titles)).toEqual(items);
  });

  test("without titles takes ids alone, also such that hold commas", () => {
    expect(itemsOf('Heat (1995),"a,b",7')).toEqual(["Heat (1995)", "a,b", "7"]);
  });

  test("refuses a quote that does not end", () => {
    expect(() => itemsOf('"a,b')).toThrow(/USAGE.*--items/);
  });
});

describe("a request", () => {
  test("names items or a user, ids as text or integers, and has ten items by default", () => {
    expect(readRequest({ items: ["a", 7] })).toEqual({ items: ["a", "7"], k: 10, exclude: [], includeSeen: false });
    expect(readRequest({ user: 3, k: 1000 })).toMatchObject({ user: "3", k: 1000 });
    expect(readRequest({ items: [] })).toMatchObject({ items: [] });
  });

  test.each([
    ["nothing", undefined],
    ["a list", []],
    ["neither items nor user", { k: 3 }],
    ["both items and user", { items: ["a"], user: "u" }],
    ["an unknown field", { items: ["a"], limit: 3 }],
    ["a k of 0", { items: ["a"], k: 0 }],
    ["a k of a million", { items: ["a"], k: 1e6 }],
    ["a k that is text", { items: ["a"], k: "10" }],
    ["a broken k", { items: ["a"], k: 1.5 }],
    ["an item that is no id", { items: [1.5] }],
    ["an item of null", { items: [null] }],
    ["an empty item", { items: [""] }],
    ["an endless item", { items: ["a".repeat(257)] }],
    ["more than 10,000 items", { items: Array(10_001).fill("a") }],
  ])("with %s is refused with status 400, code and hint", (_, body) => {
    const told = thrown(() => readRequest(body));
    expect(refuse(told)).toMatchObject({
      status: 400,
      body: { code: "REQUEST_MALFORMED", message: expect.stringMatching(/\w/), hint: expect.stringContaining("POST") },
    });
  });

  test("with ten thousand bad items gets a short answer", () => {
    expect(
      JSON.stringify(refuse(thrown(() => readRequest({ items: Array(10_000).fill(null) }))).body).length,
    ).toBeLessThan(1000);
  });

  test("is never told about our insides", () => {
    const told = refuse(new Error("secret path /x/y"));
    expect(told.status).toBe(500);
    expect(JSON.stringify(told.body)).not.toContain("secret");
    expect(refuse(new AppError("TABLE_CORRUPT", { what: "secret" })).status).toBe(500);
  });
});

function thrown(body: () => unknown): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
