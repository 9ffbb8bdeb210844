// A file of items and their attributes, Parquet or text, to an items table: columns of the user's own, typed by the
// file or by all of their cells. One reading, bounded memory.
import { DataType, type Field, type Vector } from "apache-arrow";
import { AppError } from "../../errors/errors.ts";
import { itemColumn } from "../../events/columns.ts";
import { isClock, nameCells, numberCells, timeCells } from "../../files/arrow-cells.ts";
import { decimalOf, isNobody } from "../../files/cells.ts";
import { openText } from "../../files/text-file.ts";
import { isParquet, openParquet } from "../../storage/parquet-file.ts";
import { type Building, textColumn, typedColumn, wideColumn } from "./building.ts";
import { type Column, growing, keyOf } from "./columns.ts";
import { type ItemsData, indexOf } from "./table.ts";

export interface ItemsFile {
  readonly path: string;
  /** Name of the column of items; else it is guessed. */
  readonly column?: string | undefined;
  /** What stands between several values of a cell of text. */
  readonly separator?: string | undefined;
}

/** Values of attributes, of 8 bytes each: 256 MB; while text is read, twice as much and what growing takes. */
const MOST_CELLS = 32e6;
/** Items that are kept for examples. */
const FIRST = 1000;

/** Throws FILE_MISSING, FILE_UNREADABLE, ITEMS_TABLE_UNFIT. */
export async function readItems(file: ItemsFile): Promise<ItemsData> {
  try {
    return (await isParquet(file.path)) ? await readParquet(file) : await readText(file);
  } catch (error) {
    const isForEvents = error instanceof AppError && /^(CSV|PARQUET)_MALFORMED$/.test(error.code); // its hint is theirs
    throw isForEvents
      ? new AppError("ITEMS_TABLE_UNFIT", { ...error.facts, path: file.path }, { cause: error })
      : error;
  }
}

/** Which column is the item, and which ones are attributes. Throws ITEMS_TABLE_UNFIT. */
function placesIn(header: readonly string[], { column, path }: ItemsFile): { item: number; attributes: number[] } {
  const refuse = (what: string) =>
    new AppError("ITEMS_TABLE_UNFIT", { what, columns: header.join(",").slice(0, 500), path });
  if (column !== undefined && !header.includes(column)) throw refuse(`no column "${column}"`);
  const twice = header.find((name, k) => name !== "" && header.indexOf(name) !== k);
  if (twice !== undefined) throw refuse(`the column "${twice}" stands twice`);
  const item = column === undefined ? itemColumn(header) : header.indexOf(column);
  return { item, attributes: [...header.keys()].filter((at) => at !== item && header[at] !== "") };
}

/** Rows by their items, and what was passed over. */
function openRows({ path }: ItemsFile, columns: readonly Pick<Building<never>, "held">[]) {
  const attributes = columns.length;
  const keys = growing();
  const first: string[] = [];
  let count = 0;
  let problem: string | null = null;
  return {
    skip(place: string, what: string) {
      count++;
      problem ??= `${place}: ${what}`;
    },
    /** Throws ITEMS_TABLE_UNFIT. */
    add(item: string) {
      keys.push(keyOf(item));
      if (first.length < FIRST) first.push(item);
      const held = columns.reduce((sum, column) => sum + column.held, 0);
      if (Math.max(keys.length * attributes, held) <= MOST_CELLS) return;
      const what =
        `more than ${keys.length.toLocaleString("en-US")} rows of ${attributes} attributes` +
        (held > keys.length * attributes ? ` with ${held.toLocaleString("en-US")} values` : "");
      throw new AppError("ITEMS_TABLE_UNFIT", { what: `${what}: ${MOST_CELLS / 1e6} million cells are held`, path });
    },
    /** Throws ITEMS_TABLE_UNFIT. */
    data(itemColumn: string, columns: readonly Column[], remarks: readonly string[]): ItemsData {
      if (keys.length === 0) throw new AppError("ITEMS_TABLE_UNFIT", { what: "no row names an item", path });
      const all = keys.done();
      const skipped = { count, first: problem };
      return { itemColumn, rows: all.length, keys: all, index: indexOf(all), columns, first, skipped, remarks };
    },
  };
}

async function readText(told: ItemsFile): Promise<ItemsData> {
  const file = await openText(told.path);
  try {
    const { header, sample } = file;
    const { item, attributes } = placesIn(header, told);
    const cellsOf = (at: number) => sample.map((row) => row[at] ?? "");
    const columns = attributes.map((at) => textColumn(header[at]!, decimalOf(cellsOf(at)), told.separator));
    // as pandas writes them where one is missing
    const isFloat = cellsOf(item).every((cell) => isNobody(cell) || /^\d+\.0$/.test(cell));
    const rows = openRows(told, columns);
    const skip = (line: number, problem: string) => rows.skip(`line ${line}`, problem);
    for await (const { length, cells, lines } of file.batches([item, ...attributes], skip)) {
      for (let k = 0; k < length; k++) {
        const record = cells(k);
        const name = record[item] ?? "";
        if (isNobody(name)) {
          skip(lines[k]!, "no item");
          continue;
        }
        rows.add(isFloat ? name.slice(0, -2) : name);
        for (const [c, at] of attributes.entries()) columns[c]!.add(record[at] ?? "");
      }
    }
    return rows.data(
      header[item]!,
      columns.map((each) => each.column()),
      file.remarks,
    );
  } finally {
    file.close();
  }
}

/** Adds a batch's row to a column. */
type Adder = (vector: Vector) => (row: number) => void;

async function readParquet(told: ItemsFile): Promise<ItemsData> {
  const file = await openParquet(told.path);
  const { item, attributes } = placesIn(
    file.fields.map(({ name }) => name),
    told,
  );
  const itemField = file.fields[item]!;
  const columns = attributes.map((at) => file.fields[at]!).map((field) => ({ field, made: columnOf(field) }));
  const read = columns.flatMap(({ field, made }) => (made ? [{ field, ...made }] : []));
  const others = columns.filter(({ made }) => !made).map(({ field }) => `${field.name} (${field.type})`);
  const rows = openRows(
    told,
    read.map(({ building }) => building),
  );
  let row = 0;
  for await (const batch of file.batches([itemField.name, ...read.map(({ field }) => field.name)], 0)) {
    const items = nameCells(batch.getChild(itemField.name)!);
    const adders = read.map(({ field, adder }) => adder(batch.getChild(field.name)!));
    for (let k = 0; k < batch.numRows; k++) {
      row++;
      const name = items(k) ?? "";
      if (isNobody(name)) {
        rows.skip(`row ${row}`, "no item");
        continue;
      }
      rows.add(name);
      for (const add of adders) add(k);
    }
  }
  const remarks = others.length > 0 ? [`left out, since nothing is compared with them: ${others.join(", ")}`] : [];
  return rows.data(
    itemField.name,
    read.map(({ building }) => building.column()),
    remarks,
  );
}

/** Undefined for a type that a request cannot name a value of. */
function columnOf({ name, type }: Field): { building: Building<never>; adder: Adder } | undefined {
  const isList = DataType.isList(type);
  const own: DataType = isList ? type.children[0]!.type : type;
  const plain: DataType = DataType.isDictionary(own) ? own.dictionary : own;
  const adding =
    <C>(building: Building<readonly C[]>, cellsOf: (vector: Vector) => (k: number) => C | null | undefined): Adder =>
    (vector) => {
      const cells = cellsOf(isList ? vector.getChildAt(0)! : vector);
      const { valueOffsets } = vector.data[0]!;
      const cell = (k: number): readonly C[] => {
        const value = cells(k);
        return value === null || value === undefined ? [] : [value];
      };
      return (row) => {
        if (!isList) return building.add(cell(row));
        const [from, to] = vector.isValid(row) ? [Number(valueOffsets[row]), Number(valueOffsets[row + 1])] : [0, 0];
        building.add(Array.from({ length: to - from }, (_, k) => cell(from + k)).flat());
      };
    };
  const typed = (of: Column["type"], cellsOf: (vector: Vector) => (k: number) => number | null) => {
    const building = typedColumn(name, of, isList);
    return { building, adder: adding(building, cellsOf) };
  };
  if (isClock(plain)) return typed("time", (vector) => timeCells(vector) as (k: number) => number | null);
  if (DataType.isBool(plain)) return typed("boolean", (vector) => numberCells(vector) as (k: number) => number | null);
  if (DataType.isInt(plain) && plain.bitWidth === 64) {
    const building = wideColumn(name, isList);
    return { building, adder: adding(building, (vector) => (k) => vector.get(k) as bigint | null) };
  }
  if (DataType.isInt(plain) || DataType.isFloat(plain) || DataType.isDecimal(plain))
    return typed("number", (vector) => numberCells(vector) as (k: number) => number | null);
  if (DataType.isUtf8(plain) || DataType.isLargeUtf8(plain) || DataType.isUtf8View(plain) || DataType.isBinary(plain)) {
    return typed("text", (vector) => {
      const names = nameCells(vector);
      return (k) => {
        const name = names(k);
        return name === null || name === undefined ? null : keyOf(name);
      };
    });
  }
  return undefined;
}
