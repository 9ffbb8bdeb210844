// Files in the ways in which people have them: each file of test/golden/files is read as its .expected.json says, flags
// and all. A new case is two files and no code.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { fileSource } from "../../services/replay/file.ts";
import { fileFlags, formatOf } from "../../shared/files/flags.ts";
import { defineCommand, readConfig } from "../../shared/runtime/command.ts";
import { rowsIn } from "./replayed.ts";

const folder = join(import.meta.dirname, "../golden/files");
const command = defineCommand({ name: "test", summary: "", options: z.object(fileFlags), run: async () => undefined });

interface Expected {
  readonly flags?: readonly string[];
  readonly rows?: readonly (readonly [string, string, number | null, number | null])[];
  readonly skipped?: number;
  readonly error?: string;
}

async function read(path: string, flags: readonly string[]) {
  const config = readConfig(command, flags, {});
  const source = await fileSource(path, formatOf(config), {
    isStrict: config.onBadRow === "fail",
    say: () => undefined,
  });
  await source.goesOnFrom(null);
  const rows: unknown[] = [];
  for await (const chunk of source.chunks(0, 2))
    rows.push(...rowsIn(chunk).map(({ user, item, timestamp, value }) => [user, item, timestamp, value]));
  return { source, rows };
}

const names = readdirSync(folder).filter((name) => !name.endsWith(".expected.json"));

test.each(names)("%s", async (name) => {
  const {
    flags = [],
    error,
    rows,
    skipped = 0,
  }: Expected = JSON.parse(readFileSync(join(folder, `${name}.expected.json`), "utf8"));
  if (error !== undefined) {
    await expect(read(join(folder, name), flags)).rejects.toThrow(new RegExp(error));
    return;
  }
  const { source, rows: found } = await read(join(folder, name), flags);
  expect({ rows: found, skipped: source.skipped }).toEqual({ rows, skipped });
  const conclude = () => source.conclude(0, found.length);
  if (skipped === 0 || flags.includes("skip")) conclude();
  else expect(conclude).toThrow(/^ROWS_REFUSED/);
});
