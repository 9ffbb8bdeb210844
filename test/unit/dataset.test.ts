import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { readDataset } from "../../shared/corpus/dataset.ts";

const root = mkdtempSync(join(tmpdir(), "tributary-dataset-"));
afterAll(() => rmSync(root, { recursive: true }));
let serial = 0;

const whole = {
  "unique_sid.txt": "a\nb\nc\n",
  "train.csv": "uid,sid\n0,2\n0,1\n0,2\n1,0\n",
  "validation_tr.csv": "uid,sid\n3,1\n2,0\n",
  "validation_te.csv": "uid,sid\n2,1\n",
  "test_tr.csv": "uid,sid\n4,0\n",
  "test_te.csv": "uid,sid\n4,2\n5,1\n",
};

function directory(changes: Record<string, string | Uint8Array | null> = {}): string {
  const dir = join(root, String(serial++));
  mkdirSync(dir);
  for (const [name, content] of Object.entries({ ...whole, ...changes }))
    if (content !== null) writeFileSync(join(dir, name), content);
  return dir;
}

const columns = (...values: number[]) => Int32Array.from(values);

test("rows are distinct, in file order, users in ascending id, held-out users paired by id", () => {
  const dataset = readDataset(directory());
  expect(dataset).toEqual({
    items: ["a", "b", "c"],
    train: [columns(2, 1), columns(0)],
    validation: [
      { user: "2", foldIn: columns(0), target: columns(1) },
      { user: "3", foldIn: columns(1), target: columns() },
    ],
    test: [
      { user: "4", foldIn: columns(0), target: columns(2) },
      { user: "5", foldIn: columns(), target: columns(1) },
    ],
  });
});

test("an event repeated on both sides stays on both, as in the authors' own evaluation", () => {
  expect(readDataset(directory({ "test_te.csv": "uid,sid\n4,2\n4,0\n" })).test).toEqual([
    { user: "4", foldIn: columns(0), target: columns(2, 0) },
  ]);
});

test("a file may be compressed, end without a newline, and use the line ends of Windows", () => {
  const plain = readDataset(directory());
  const zipped = directory({
    "train.csv": null,
    "train.csv.gz": gzipSync("uid,sid\r\n0,2\r\n0,1\r\n0,2\r\n1,0"),
    "unique_sid.txt": "a\r\nb\r\nc",
  });
  expect(readDataset(zipped)).toEqual(plain);
});

test("blank lines behind the last, quotes and R's names of rows are the same data", () => {
  const plain = readDataset(directory());
  const written = directory({
    "unique_sid.txt": '\ufeff"a"\r\n"b"\r\n"c"\r\n\r\n',
    "train.csv": '"","uid","sid"\r\n"1","0","2"\r\n"2",0,1\r\n"3",0,2\r\n"4",1,0\r\n\r\n \n',
    "validation_tr.csv": '"uid","sid"\n"3","1"\n2,0\n\n\n',
    "test_tr.csv": "\ufeffuid,sid\n4,0\n\n",
  });
  expect(readDataset(written)).toEqual(plain);
});

test.each([
  [
    "items in another encoding",
    { "unique_sid.txt": Buffer.from("a\ncaf\xe9\nc\n", "latin1") },
    /no UTF-8: file unique_sid\.txt, line 2/,
  ],
  ["a header without an end", { "train.csv": "a".repeat(1e6) }, /header is "a{40}", not "uid,sid"/],
  ["a missing file", { "test_te.csv": null }, /test_te\.csv/],
  ["a wrong header", { "train.csv": "user,item\n0,1\n" }, /"user,item".*train\.csv, line 1/],
  ["an id that is no number", { "train.csv": "uid,sid\n0,1\n0,x\n" }, /"0,x".*train\.csv, line 3/],
  ["a missing column", { "validation_tr.csv": "uid,sid\n2\n" }, /validation_tr\.csv, line 2/],
  ["an empty line", { "train.csv": "uid,sid\n0,1\n\n1,1\n" }, /train\.csv, line 3/],
  ["an item out of range", { "test_tr.csv": "uid,sid\n4,0\n4,3\n" }, /item 3.*test_tr\.csv, line 3/],
  ["a negative id", { "train.csv": "uid,sid\n-1,0\n" }, /train\.csv, line 2/],
  [
    "a damaged gzip",
    { "train.csv": null, "train.csv.gz": gzipSync("uid,sid\n0,1\n").subarray(0, 15) },
    /gzip.*train\.csv\.gz/,
  ],
  ["no training user", { "train.csv": "uid,sid\n" }, /train\.csv/],
  ["an empty file", { "train.csv": "" }, /header is "".*train\.csv, line 1/],
  ["no item", { "unique_sid.txt": "" }, /without an item: file unique_sid\.txt, line 1/],
  ["an empty line among the items", { "unique_sid.txt": "a\n\nc\n" }, /without an item: file unique_sid\.txt, line 2/],
  [
    "an item listed twice",
    { "unique_sid.txt": "a\nb\na\n" },
    /item "a" stands in line 1 already: file unique_sid\.txt, line 3/,
  ],
])("%s is DATASET_MALFORMED and names file and line", (_, changes, message) => {
  const dir = directory(changes);
  expect(() => readDataset(dir)).toThrow(/DATASET_MALFORMED/);
  expect(() => readDataset(dir)).toThrow(message);
});

test("a file that cannot be read is FILE_UNREADABLE and named", () => {
  const dir = directory({ "train.csv": null });
  mkdirSync(join(dir, "train.csv"));
  expect(() => readDataset(dir)).toThrow(/FILE_UNREADABLE: EISDIR.*train\.csv/);
});

test("a missing directory is FILE_MISSING", () => {
  expect(() => readDataset(join(root, "nowhere"))).toThrow(/FILE_MISSING/);
});
