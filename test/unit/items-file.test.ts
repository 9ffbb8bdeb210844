// Items tables from files: types that follow from cells, files of other programs, what is passed over and what is
// refused.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as arrow from "apache-arrow";
import { Table, writeParquet } from "parquet-wasm";
import { afterAll, describe, expect, test } from "vitest";
import { Vocabulary } from "../../shared/events/vocabulary.ts";
import { hasBit } from "../../shared/ranking/bits.ts";
import { type Filters, filterOf } from "../../shared/recommending/items/filters.ts";
import { type ItemsFile, readItems } from "../../shared/recommending/items/reading.ts";
import { type ItemsTable, tableOf } from "../../shared/recommending/items/table.ts";

const folder = mkdtempSync(join(tmpdir(), "items-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function read(content: string | Uint8Array, told: Partial<ItemsFile> = {}): Promise<ItemsTable> {
  const path = join(folder, typeof content === "string" ? "items.csv" : "items.parquet");
  writeFileSync(path, content);
  return tableOf(await readItems({ path, ...told }));
}

const typesIn = (table: ItemsTable) => Object.fromEntries([...table.columns].map(([name, { type }]) => [name, type]));
const vocabulary = new Vocabulary(["1", "2", "3", "4"]);
const passing = (table: ItemsTable, filters: Filters) => {
  const refused = filterOf(filters, table).refused(vocabulary);
  return vocabulary.items.filter((_, column) => !hasBit(refused, column)).join("");
};

describe("a file of text", () => {
  test("has columns of what all of their cells can be", async () => {
    const table = await read(
      "movieId,title,year,adult,released,price,zip,seller,odd\n" +
        '1,"Heat, the",1995,true,1995-12-15,"1.5",01234,9007199254740993,1\n' +
        "2,Emma,NA,false,2020-02-21 10:00,2,1234,5,x\n" +
        "3,,,,,,,,\n",
    );
    expect(typesIn(table)).toEqual({
      title: "text",
      year: "number",
      adult: "boolean",
      released: "time",
      price: "number",
      zip: "text",
      seller: "text",
      odd: "text",
    });
    expect(table.data.itemColumn).toBe("movieId");
    expect(passing(table, { title: "Heat, the" })).toBe("1");
    expect(passing(table, { year: { min: 1900 } })).toBe("1");
    expect(passing(table, { year: null })).toBe("234");
    expect(passing(table, { adult: false })).toBe("2");
    expect(passing(table, { released: { below: "2000-01-01" } })).toBe("1");
    expect(passing(table, { released: { min: 1_582_279_200_000, max: "2020-02-21T10:00:00Z" } })).toBe("2");
    expect(passing(table, { zip: "01234" })).toBe("1");
    expect(passing(table, { zip: [1234] })).toBe("2");
    expect(passing(table, { seller: "9007199254740993" })).toBe("1");
    expect(passing(table, { price: 1.5, adult: true })).toBe("1");
  });

  test("with several values in a cell is read with the separator that stands between them", async () => {
    const text = "item\tgenres\n1\tWar | Love\n2\tLove\n3\t\n";
    const table = await read(text, { separator: "|" });
    expect(passing(table, { genres: "Love" })).toBe("12");
    expect(passing(table, { genres: ["War", null] })).toBe("134");
    expect(passing(await read(text), { genres: "Love" })).toBe("2");
  });

  test("of truth as databases write it is asked for by true and false, or by 1 and 0", async () => {
    const table = await read("item,adult,count\n1,1,1\n2,0,2\n");
    expect(passing(table, { adult: true })).toBe("1");
    expect(passing(table, { adult: 0 })).toBe("2");
    expect(() => passing(table, { count: true })).toThrow(/REQUEST_MALFORMED.*"count".*numbers/);
  });

  test("of ids that pandas made floats of knows the items; rows without one are passed over and told", async () => {
    const { data } = await read("year,item_id\n1,1.0\n2,\n3,3.0\n3,NaN\n");
    expect(data).toMatchObject({ rows: 2, first: ["1", "3"], skipped: { count: 2, first: "line 3: no item" } });
  });

  test("of names that are hostile or odd is asked for by them", async () => {
    const table = await read('item,constructor,"a ""b"", c",__proto__,toString\n1,x,y,z,w\n2,p,q,r,s\n');
    expect(passing(table, { constructor: "x" })).toBe("1");
    expect(passing(table, { 'a "b", c': "q" })).toBe("2");
    expect(passing(table, { toString: ["w"] })).toBe("1");
    expect(() => passing(table, { valueOf: 1 })).toThrow(/no such column/);
  });

  test("whose items stand twice counts the last row; items on one side alone are told", async () => {
    const table = await read("sku,year\n1,1990\n7,1991\n1,2000\n8,1\n");
    expect(passing(table, { year: 2000 })).toBe("1");
    expect(table.data.index.repeated).toBe(1);
    expect(table.matched(vocabulary)).toEqual({
      known: 1,
      missing: 3,
      missingItems: ["2", "3", "4"],
      surplus: 2,
      surplusItems: ["7", "8"],
    });
  });

  test.each<[string, string, Partial<ItemsFile>, RegExp]>([
    ["a column that stands twice", "item,a,a\n1,2,3\n", {}, /"a" stands twice/],
    ["no column of the name that is told", "item,a\n1,2\n", { column: "sku" }, /no column "sku"/],
    ["no row", "item,a\n", {}, /no row names an item/],
    ["no item", "item,a\n,1\nNULL,2\n", {}, /no row names an item/],
    ["nothing", "", {}, /the file is empty/],
  ])("with %s is refused by its own code", async (_, text, told, what) => {
    await expect(read(text, told)).rejects.toMatchObject({
      code: "ITEMS_TABLE_UNFIT",
      message: expect.stringMatching(what),
    });
  });

  test("that is not there, or none, is refused", async () => {
    await expect(readItems({ path: join(folder, "none.csv") })).rejects.toMatchObject({ code: "FILE_MISSING" });
    await expect(read(Buffer.from("PAR1 and nothing more"))).rejects.toMatchObject({ code: "FILE_UNREADABLE" });
  });
});

describe("a Parquet file", () => {
  const column = (values: readonly unknown[], type: arrow.DataType) => arrow.vectorFromArray(values, type);
  const encode = (columns: Record<string, arrow.Vector>) =>
    writeParquet(Table.fromIPCStream(arrow.tableToIPC(new arrow.Table(columns), "stream")));

  test("has the types that it says, lists among them; what nothing is compared with is left out and told", async () => {
    const list = new arrow.List(new arrow.Field("item", new arrow.Utf8(), true));
    const numbers = new arrow.List(new arrow.Field("item", new arrow.Int32(), true));
    const struct = new arrow.Struct([new arrow.Field("x", new arrow.Int32(), true)]);
    const table = await read(
      encode({
        id: column([1n, 2n, 3n, null], new arrow.Int64()),
        name: column(["x", null, "", "w"], new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32())),
        price: column([1.5, Number.NaN, null, 1], new arrow.Float64()),
        stock: column([1, 2, 3, 4], new arrow.Int32()),
        big: column([2n ** 60n, 2n ** 60n + 1n, 3n, 4n], new arrow.Int64()),
        wide: column([5n, 6n, null, 7n], new arrow.Int64()),
        adult: column([true, false, null, true], new arrow.Bool()),
        at: column([new Date(1e12), new Date(0), null, new Date(0)], new arrow.TimestampMillisecond()),
        day: column([new Date("2020-01-01"), new Date(0), null, new Date(0)], new arrow.DateDay()),
        tags: column([["a", "b"], [], null, ["c"]], list),
        sizes: column([[1, 2], [3], null, []], numbers),
        inner: column([{ x: 1 }, { x: 2 }, null, { x: 4 }], struct),
      }),
    );
    expect(typesIn(table)).toEqual({
      name: "text",
      price: "number",
      stock: "number",
      big: "text",
      wide: "number",
      adult: "boolean",
      at: "time",
      day: "time",
      tags: "text",
      sizes: "number",
    });
    expect(table.data.remarks).toEqual([expect.stringContaining("inner (")]);
    expect(table.data.skipped).toEqual({ count: 1, first: "row 4: no item" });
    expect(passing(table, { name: "x" })).toBe("1");
    expect(passing(table, { name: null, wide: 6 })).toBe("2");
    expect(passing(table, { price: null })).toBe("234");
    expect(passing(table, { big: String(2n ** 60n + 1n) })).toBe("2");
    expect(passing(table, { adult: false })).toBe("2");
    expect(passing(table, { at: { max: 0 } })).toBe("2");
    expect(passing(table, { day: "2020-01-01" })).toBe("1");
    expect(passing(table, { tags: "b" })).toBe("1");
    expect(passing(table, { tags: null })).toBe("234");
    expect(passing(table, { sizes: { min: 2 } })).toBe("12");
  });
});
