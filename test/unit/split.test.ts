// The split of Liang et al. against NumPy and pandas: the expected rows were written by the authors' notebook code
// (pandas 3.1, NumPy 2.4) from the same events.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { command } from "../../services/commands/split/main.ts";
import { readDataset } from "../../shared/corpus/dataset.ts";
import { type EventColumns, type Rows, splitLiang } from "../../shared/corpus/liang.ts";
import { legacyRandom } from "../../shared/corpus/mt19937.ts";
import { ascending } from "../../shared/corpus/user-order.ts";
import { readConfig } from "../../shared/runtime/command.ts";

describe("NumPy's legacy generator", () => {
  test("gives the words of the authors' mt19937ar for its own seed", () => {
    const { word } = legacyRandom(5489);
    expect(Array.from({ length: 5 }, word)).toEqual([3499211612, 581869302, 3890346734, 3586334585, 545404204]);
  });

  test("permutes the users of ML-20M as NumPy does", () => {
    const order = legacyRandom(98765).permutation(136_677);
    expect([...order.subarray(0, 8)]).toEqual([104323, 11053, 111295, 50587, 126873, 109564, 129424, 1596]);
    expect([...order.subarray(-4)]).toEqual([37808, 126893, 69107, 134933]);
    expect(order.toSorted()).toEqual(Int32Array.from(order, (_, k) => k));
  });

  test("chooses without replacement as NumPy does", () => {
    expect([...legacyRandom(98765).choice(50, 10)]).toEqual([0, 36, 40, 22, 43, 47, 1, 31, 5, 26]);
  });

  test("goes on from one draw to the next, with the largest seed, and draws nothing for one element", () => {
    const random = legacyRandom(4294967295);
    expect([...random.permutation(12)]).toEqual([11, 8, 5, 9, 1, 10, 6, 0, 4, 7, 2, 3]);
    expect([...random.permutation(1)]).toEqual([0]);
    expect([...random.permutation(5)]).toEqual([4, 0, 1, 2, 3]);
    expect([...random.choice(9, 4)]).toEqual([2, 0, 3, 4]);
  });
});

test.each([
  [
    "numbers by value, however long",
    ["10", "9", "-2", "0", "-10", "12345678901234567890"],
    ["-10", "-2", "0", "9", "10", "12345678901234567890"],
  ],
  ["texts by code point as soon as one is no number", ["10", "9", "b", "B"], ["10", "9", "B", "b"]],
  ["numbers with leading zeros as texts", ["10", "9", "010"], ["010", "10", "9"]],
  ["characters beyond the basic plane last", ["\u{1f600}", "\uff5e", "a"], ["a", "\uff5e", "\u{1f600}"]],
])("ids are ordered: %s", (_, ids, expected) => {
  expect(Array.from(ascending(ids), (k) => ids[k])).toEqual(expected);
});

/** Events by number, ids being the numbers themselves. */
function columns(events: readonly (readonly [user: number, item: number])[]): EventColumns {
  const upTo = (n: number) => Array.from({ length: n + 1 }, (_, k) => String(k));
  return {
    users: upTo(Math.max(...events.map(([user]) => user))),
    items: upTo(Math.max(...events.map(([, item]) => item))),
    userOf: Int32Array.from(events, ([user]) => user),
    itemOf: Int32Array.from(events, ([, item]) => item),
  };
}
const pairs = ({ uid, sid }: Rows) => Array.from(uid, (user, k) => `${user}:${sid[k]}`).join(" ");
const all = { minItemsPerUser: 0, minUsersPerItem: 0, seed: 98765 };

test("a user with fewer than 5 rows is all fold-in, draws nothing, and is counted", () => {
  const sizes = Array.from({ length: 19 }, (_, user) => (user % 2 === 0 ? 6 : 4));
  const events = columns(
    sizes.flatMap((size, user) => Array.from({ length: size }, (_, item) => [user, item] as const)),
  );
  const { users, validation, test: tested } = splitLiang(events, { ...all, heldOut: 4 });
  for (const [part, from] of [
    [validation, 11],
    [tested, 15],
  ] as const) {
    const small = users.slice(from, from + 4).filter((user) => sizes[Number(user)] === 4);
    expect(small.length).toBeGreaterThan(0);
    expect(part.usersWithoutTarget).toBe(small.length);
    const targets = [...part.target.uid].map((uid) => users[uid]!);
    expect(targets.sort()).toEqual(
      users
        .slice(from, from + 4)
        .filter((user) => !small.includes(user))
        .sort(),
    );
    // each user with 6 rows draws choice(6, 1), one after the other, in ascending order of id
    const random = legacyRandom(98765);
    expect([...part.target.sid]).toEqual(Array.from(part.target.sid, () => random.choice(6, 1)[0]));
  }
});

test("items that no training user has are left out of the held-out rows", () => {
  const everybody = Array.from({ length: 7 }, (_, user) =>
    Array.from({ length: 5 }, (_, item) => [user, item] as const),
  ).flat();
  const { users } = splitLiang(columns(everybody), { ...all, heldOut: 1 });
  const [validationUser, testUser] = users.slice(-2).map(Number) as [number, number];
  const split = splitLiang(columns([[validationUser, 9], ...everybody, [testUser, 8]]), { ...all, heldOut: 1 });
  expect(split.left).toEqual({ events: 37, users: 7, items: 7 });
  expect(split.vocabulary).toEqual(["0", "1", "2", "3", "4"]);
  expect([split.validation, split.test].map(({ foldIn, target }) => [foldIn.sid.length, target.sid.length])).toEqual([
    [4, 1],
    [4, 1],
  ]);
});

test("items are dropped first, then users, and neither again", () => {
  // User 0 falls below 2 because item 5 goes; item 0 then has one user left and stays.
  const { left, vocabulary } = splitLiang(
    columns([
      [0, 5],
      [0, 0],
      [1, 0],
      [1, 1],
      [2, 1],
      [2, 2],
      [3, 1],
      [3, 2],
      [4, 2],
      [4, 1],
    ]),
    {
      heldOut: 1,
      minItemsPerUser: 2,
      minUsersPerItem: 2,
      seed: 98765,
    },
  );
  expect(left).toEqual({ events: 8, users: 4, items: 3 });
  expect(vocabulary).not.toContain("5");
});

test("an item repeated by a user is kept twice, and counted when it stands on both sides", () => {
  const events = columns(
    Array.from({ length: 3 }, (_, user) => Array.from({ length: 5 }, () => [user, 0] as const)).flat(),
  );
  const { validation } = splitLiang(events, { ...all, heldOut: 1 });
  expect([pairs(validation.foldIn), pairs(validation.target)]).toEqual(["1:0 1:0 1:0 1:0", "1:0"]);
  expect(validation.targetsInFoldIn).toBe(1);
});

describe("the command", () => {
  const root = mkdtempSync(join(tmpdir(), "tributary-split-"));
  const events = join(root, "events.csv");
  const rows = Array.from({ length: 260 }, (_, k) => {
    const user = (k * k * 7 + k * 3) % 29;
    const item = (k * k * 5 + k * 11 + Math.floor(k / 7)) % 37;
    return `${user % 2 === 1 ? 100 - 3 * user : user},m${item},${(((k * 13) % 9) + 2) / 2}`;
  });
  writeFileSync(events, `user,item,value\n${rows.join("\n")}\n`);
  let said = "";
  let printed = "";
  beforeEach(() => {
    said = "";
    printed = "";
    vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      said += text;
      return true;
    });
    vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      printed += text;
      return true;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    process.exitCode = undefined;
  });
  afterAll(() => rmSync(root, { recursive: true }));

  const until = { signal: new AbortController().signal, stopped: new Promise<void>(() => undefined) };
  const split = (file: string, out: string, flags: string, stop = until) =>
    command.run(
      readConfig(command, [file, "--out", join(root, out), ...flags.split(" ").filter((flag) => flag !== "")], {}),
      stop,
    );
  const read = (out: string, name: string) => readFileSync(join(root, out, name), "utf8");
  const inWords = (text: string) => text.trim().split("\n").join(" ");
  const csv = (text: string) => `uid,sid\n${text.replaceAll(":", ",").replaceAll(" ", "\n")}\n`;
  const filters = "--min-value 2 --held-out 5 --min-items-per-user 3 --min-users-per-item 4";
  const nothingElse = (...names: string[]) => expect(readdirSync(root).sort()).toEqual(["events.csv", ...names].sort());

  test("writes what the authors' code writes, byte for byte", async () => {
    await split(events, "whole", `${filters} --json`);
    expect(readdirSync(join(root, "whole")).sort()).toEqual([
      "test_te.csv",
      "test_tr.csv",
      "train.csv",
      "unique_sid.txt",
      "unique_uid.txt",
      "validation_te.csv",
      "validation_tr.csv",
    ]);
    expect(inWords(read("whole", "unique_sid.txt"))).toBe(
      "m5 m19 m18 m2 m34 m1 m10 m29 m8 m31 m24 m20 m35 m14 m13 m32 m12 m15 m22 m3 m11 m27 m28 m23 m30 m4",
    );
    expect(inWords(read("whole", "unique_uid.txt"))).toBe("91 18 61 85 22 55 4 2 10 25 16 0 73 8 14");
    expect(read("whole", "train.csv")).toBe(
      csv(
        "3:0 3:1 0:2 1:3 1:4 0:5 3:6 0:7 1:8 0:9 4:10 3:11 2:6 1:10 0:12 2:4 4:12 4:4 2:10 1:13 0:14 2:15 4:11 3:0 " +
          "4:4 2:16 1:17 1:18 0:3 2:19 3:17 3:20 4:8 2:16 1:21 1:22 2:18 4:23 3:11 4:24 2:18 0:22 1:8 2:17 4:25 " +
          "3:19 4:21 0:9 2:1 3:4 4:4 0:8 1:3 0:15",
      ),
    );
    expect(read("whole", "validation_tr.csv")).toBe(
      csv(
        "7:10 7:17 7:2 7:9 7:7 7:2 7:10 7:12 6:21 6:5 6:18 6:23 6:11 6:15 6:1 6:6 8:10 8:10 8:0 8:14 8:9 8:2 8:23 " +
          "8:1 9:4 9:15 9:25 9:24 9:10 9:23 9:9 9:24 5:7 5:11 5:17 5:13 5:7 5:21 5:2 5:20",
      ),
    );
    expect(read("whole", "validation_te.csv")).toBe(csv("7:7 7:8 6:13 6:8 8:8 8:8 9:16 9:24 5:3 5:16"));
    expect(read("whole", "test_tr.csv")).toBe(
      csv(
        "11:3 11:13 11:3 11:5 11:20 11:18 11:15 11:8 11:21 11:14 13:14 13:19 13:0 13:1 13:19 13:5 13:11 13:3 14:25 " +
          "14:7 14:20 14:2 14:25 14:12 14:10 14:18 10:1 10:2 10:12 10:2 10:4 10:22 10:25 10:22 12:10 12:19 12:7 " +
          "12:7 12:22",
      ),
    );
    expect(read("whole", "test_te.csv")).toBe(csv("11:0 11:15 13:3 13:25 14:23 10:14 10:10 12:6"));
    expect(JSON.parse(printed)).toMatchObject({
      rows: { read: 260, below: 87, skipped: 0 },
      kept: { events: 151, users: 15, items: 26 },
      train: { users: 5, events: 54, items: 26 },
      test: { users: 5, usersWithoutTarget: 0, foldIn: 39, targets: 8, targetsInFoldIn: 2 },
    });
    nothingElse("whole");
  });

  test("writes what a training run reads, into an empty directory too, from a compressed file without a header", async () => {
    const file = join(root, "whole", "events.gz");
    writeFileSync(file, gzipSync(rows.map((row) => row.replaceAll(",", "::")).join("\n")));
    mkdirSync(join(root, "empty"));
    await split(file, "empty", `${filters} --header user,item,value --delimiter ::`);
    for (const name of readdirSync(join(root, "empty"))) expect(read("empty", name)).toBe(read("whole", name));
    const dataset = readDataset(join(root, "empty"));
    expect([dataset.train.length, dataset.validation.length, dataset.test.length, dataset.items.length]).toEqual([
      5, 5, 5, 26,
    ]);
    expect(dataset.test.reduce((sum, { target }) => sum + target.length, 0)).toBe(8);
    rmSync(join(root, "empty"), { recursive: true });
  });

  test("tells users without a target, and bad rows with their line", async () => {
    const file = join(root, "whole", "bad.csv");
    const good = Array.from({ length: 9 }, (_, k) => `u${k},i1,4,never`);
    writeFileSync(
      file,
      ["user,item,value,timestamp", ...good, "u1,i2,high,1", ",i2,4,1", "u2,i2", "u3,i2,,1"].join("\n"),
    );
    await split(file, "told", "--held-out 2 --min-value 3.5 --min-items-per-user 1");
    expect(said).toMatch(/line 11 skipped.*"high"[\s\S]*line 12 skipped.*empty[\s\S]*line 13 skipped.*2 columns/);
    expect(said).toMatch(/read 10 events, skipped 3 bad rows, 1 of them not above 3.5/);
    expect(said).toMatch(/validation: 2 users without a target[\s\S]*test: 2 users without a target/);
    expect(read("told", "test_te.csv")).toBe("uid,sid\n");
    rmSync(join(root, "told"), { recursive: true });
  });

  test.each([
    ["a missing column", "--held-out 1 --map item=film", /CSV_MALFORMED.*no column "film".*user,item,value/],
    [
      "a missing value",
      "--held-out 1 --min-value 3 --header user,item,rank",
      /CSV_MALFORMED.*value.*--min-value.*user,item,rank/,
    ],
    ["more held-out users than there are", "--held-out 15", /USAGE.*--held-out 15 takes 30 users.* of the 15 /],
    [
      "as many held-out users as there are after the filters",
      `${filters} --held-out 8`,
      /USAGE.*takes 16 users.* of the 15 /,
    ],
    ["an occupied directory", "--held-out 1 --out ROOT/whole", /USAGE.*--out.*whole" is not empty/],
    [
      "a file where the directory should be",
      "--held-out 1 --out ROOT/events.csv",
      /USAGE.*--out.*events.csv" is a file/,
    ],
  ])("%s is told, and nothing is written", async (_, flags, message) => {
    const before = readdirSync(join(root, "whole")).length;
    await expect(split(events, "none", flags.replace("ROOT", root))).rejects.toThrow(message);
    expect(readdirSync(join(root, "whole"))).toHaveLength(before);
    nothingElse("whole");
  });

  test("an item whose id holds a line break is refused, and nothing is left half-written", async () => {
    const file = join(root, "whole", "broken.csv");
    writeFileSync(file, `user,item\n${Array.from({ length: 5 }, (_, k) => `u${k},"i\n1"`).join("\n")}\n`);
    await expect(split(file, "none", "--held-out 1 --min-items-per-user 0")).rejects.toThrow(
      /CSV_MALFORMED.*"i\\n1" holds a line break/,
    );
    nothingElse("whole");
  });

  test("a split that is stopped writes nothing and does not end as done", async () => {
    const file = join(root, "whole", "long.csv");
    writeFileSync(file, `user,item\n${Array.from({ length: 40_000 }, (_, k) => `${k % 997},${k % 89}`).join("\n")}\n`);
    await split(file, "none", "--held-out 1", { ...until, signal: AbortSignal.abort() });
    expect(existsSync(join(root, "none"))).toBe(false);
    expect([said, process.exitCode]).toEqual([expect.stringContaining("was not written"), 1]);
    nothingElse("whole");
  });
});
