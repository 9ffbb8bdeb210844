// Recommendations without a network: what a request may say, and what the answer holds.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { recommend, recommending } from "../../services/serve/recommender.ts";
import { refuse } from "../../services/serve/refusals.ts";
import { readRequest } from "../../services/serve/requests.ts";
import { readTitles } from "../../services/serve/titles.ts";
import { Vocabulary } from "../../shared/events/vocabulary.ts";
import { AppError } from "../../shared/runtime/errors.ts";

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
    expect(JSON.stringify(refuse(thrown(() => readRequest({ items: Array(10_000).fill(null) }))).body).length).toBeLessThan(1000);
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
