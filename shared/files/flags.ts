// What a user can say of a file of events: the same flags for replay, up and split.
import { z } from "zod";
import { AppError } from "../errors/errors.ts";
import { parseMap } from "../events/columns.ts";
import { timeUnits } from "../events/times.ts";
import { asFlag } from "../runtime/command.ts";
import type { EventFormat } from "./event-file.ts";

const quote = z.string().refine((text) => text === "none" || text.length === 1, "give one character, or none");

export const fileFlags = {
  map: z
    .string()
    .default("")
    .describe("columns: user=userId,item=movieId,timestamp=timestamp,value=rating; what is left out is guessed"),
  timestampUnit: z
    .enum(timeUnits)
    .optional()
    .describe(
      "unit of times that are numbers: s, ms, us, ns, iso (20240131); otherwise by the column's name and the size " +
        "of all of them",
    ),
  header: z
    .string()
    .optional()
    .describe("names of the columns of a file without a header line: user,item,value,timestamp"),
  delimiter: z
    .string()
    .min(1)
    .optional()
    .describe(
      'between cells, "tab" and "blanks" too; otherwise comma, semicolon, tab, |, :: or blanks, whichever its ' +
        "beginning fits",
    ),
  quote: quote.optional().describe('around cells, or none, where quotes are characters; otherwise " if it is used so'),
  decimal: z
    .enum([".", ","])
    .optional()
    .describe("of values such as 1,234; otherwise as the column's other values have it"),
  encoding: z
    .string()
    .optional()
    .describe("of text: windows-1252, utf-16le, shift_jis, ...; otherwise UTF-8, or UTF-16 where it is"),
  member: z.string().optional().describe("which file of a zip archive that holds several"),
  onBadRow: z
    .enum(["fail", "skip"])
    .default("fail")
    .describe("rows that are no events are told and passed over either way; fail: the exit code is 1 then, skip: 0"),
};

const schema = z.object(fileFlags);
type Flags = z.output<typeof schema>;

/** Throws USAGE. */
export function formatOf({
  map,
  timestampUnit,
  header,
  delimiter,
  quote,
  decimal,
  encoding,
  member,
}: Flags): EventFormat {
  const names = header?.split(",").map((name) => name.trim());
  const twice = names?.find((name, k) => name !== "" && names.indexOf(name) !== k);
  if (twice !== undefined) throw new AppError("USAGE", { what: `--header names "${twice}" twice` });
  return {
    map: parseMap(map),
    unit: timestampUnit ?? null,
    header: names,
    delimiter,
    quote,
    decimal,
    encoding,
    member,
  };
}

/** The same for another process. */
export function fileArguments(flags: Flags): string[] {
  return Object.keys(fileFlags).flatMap((key) => {
    const value = flags[key as keyof Flags];
    return value === undefined || value === "" ? [] : [asFlag(key, value)];
  });
}
