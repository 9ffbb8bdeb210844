// The flags of `recommend`.
import { z } from "zod";
import { itemsFlags } from "../../../shared/recommending/items/flags.ts";
import { file, folder, location } from "../../../shared/runtime/location.ts";

export const options = z.object({
  checkpoint: location().optional().describe("a checkpoint or a published model to recommend from"),
  server: z.string().optional().describe("address of a running serve, http://HOST:PORT"),
  tokenFile: z
    .string()
    .optional()
    .describe("with --server: file with a token of the role reader, where the server asks for one"),
  items: z
    .string()
    .optional()
    .describe(
      'the history: items, separated by commas; with --titles names too, such as "Toy Story (1995), Heat (1995)"',
    ),
  user: z.string().optional().describe("the user whose history the table holds"),
  similar: z.string().min(1).optional().describe("an item, instead of a history: those that are most like it"),
  k: z.coerce.number().int().min(1).max(1000).default(10).describe("how many"),
  includeSeen: z.boolean().default(false).describe("list items of the history too"),
  candidates: z.string().optional().describe("list only these, written as --items"),
  exclude: z.string().default("").describe("never list these, written as --items"),
  filters: z
    .string()
    .optional()
    .describe(
      "list only items whose attributes pass, as JSON: " +
        '{"genre": "Comedy", "year": {"min": 1990, "below": 2000}, "language": ["en", "fr"]}',
    ),
  diversity: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("how much items are to differ from those above them, 0 to 1, with a -k of at most 100"),
  ...itemsFlags,
  titles: file().optional().describe("CSV file of item and title, such as MovieLens' movies.csv"),
  titlesEncoding: z
    .string()
    .optional()
    .describe("of that file: windows-1252, ...; otherwise UTF-8, or UTF-16 where it is"),
  table: location()
    .optional()
    .describe(
      "with --checkpoint: the table that --user is looked up in, and what is hot (default: table of the data " +
        "directory)",
    ),
  dataDir: folder().default(".tributary").describe("where everything is kept"),
  json: z.boolean().default(false).describe("print JSON"),
});
export type Config = z.output<typeof options>;
