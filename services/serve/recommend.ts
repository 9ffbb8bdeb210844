// The `recommend` command: the best items for a history, from a checkpoint read here or from a running serve; a table for people, JSON for machines.
import { z } from "zod";
import { openModel } from "../../shared/checkpoints/scoring.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { AppError } from "../../shared/errors/errors.ts";
import { readToken } from "../../shared/http/token.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { file, folder } from "../../shared/runtime/location.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { say } from "../../shared/runtime/terminal.ts";
import { openExistingEvents } from "../../shared/table/events.ts";
import { askServer } from "./client.ts";
import { itemsOf } from "./history.ts";
import { tableOf } from "./listing.ts";
import { recommend, recommending } from "./recommender.ts";
import type { RecommendAnswer } from "./requests.ts";
import { readTitles } from "./titles.ts";
import { followUsers } from "./users.ts";

const options = z.object({
  checkpoint: folder().optional().describe("a checkpoint or a published model to recommend from"),
  server: z.string().optional().describe("address of a running serve, http://HOST:PORT"),
  tokenFile: z.string().optional().describe("with --server: file with a token of the role reader, where the server asks for one"),
  items: z
    .string()
    .optional()
    .describe('the history: items, separated by commas; with --titles names too, such as "Toy Story (1995), Heat (1995)"'),
  user: z.string().optional().describe("the user whose history the table holds"),
  k: z.coerce.number().int().min(1).max(1000).default(10).describe("how many"),
  includeSeen: z.boolean().default(false).describe("list items of the history too"),
  titles: file().optional().describe("CSV file of item and title, such as MovieLens' movies.csv"),
  titlesEncoding: z.string().optional().describe("of that file: windows-1252, ...; otherwise UTF-8, or UTF-16 where it is"),
  table: folder().optional().describe("the table that --user is looked up in, with --checkpoint (default: table of the data directory)"),
  dataDir: folder().default(".tributary").describe("where everything is kept"),
  json: z.boolean().default(false).describe("print JSON"),
});
type Config = z.output<typeof options>;

export const command = defineCommand({
  name: "recommend",
  summary: "The best items for a history or a user, from a checkpoint or a running serve",
  options,
  async run(config) {
    const { checkpoint, server, items, user } = config;
    if ((checkpoint === undefined) === (server === undefined))
      throw new AppError("USAGE", { what: "give either --checkpoint or --server" });
    if ((items === undefined) === (user === undefined)) throw new AppError("USAGE", { what: "give either --items or --user" });
    const titles = config.titles === undefined ? undefined : await readTitles(config.titles, { encoding: config.titlesEncoding });
    const history = items === undefined ? undefined : itemsOf(items, titles);
    const answer = server === undefined ? await fromCheckpoint(checkpoint!, history, config) : await fromServer(server, history, config);
    const named = (item: string) => (titles?.has(item) ? `${item} (${titles.get(item)})` : item);
    if (answer.unknown) say(`not known to the model, skipped: ${answer.unknown.map(named).join("; ")}`);
    if (answer.fallback) say("no item of the history is known to the model: these are the popular items");
    const listed = answer.items.map((each) => (titles ? { ...each, title: titles.get(each.item) ?? null } : each));
    process.stdout.write(config.json ? `${JSON.stringify({ ...answer, items: listed })}\n` : tableOf(listed));
  },
});

type History = readonly string[] | undefined;

async function fromServer(server: string, history: History, { user, k, includeSeen, tokenFile }: Config): Promise<RecommendAnswer> {
  const whose = history === undefined ? { user: user! } : { items: [...history] };
  return await askServer(server, { ...whose, k, includeSeen }, readToken(tokenFile, "reader"));
}

async function fromCheckpoint(dir: string, given: History, { table, dataDir, user, k, includeSeen }: Config): Promise<RecommendAnswer> {
  const history = given ?? (await historyFrom(table ?? pathsOf(dataDir).table, user!));
  const model = await openModel(await openEngine({ threads: 1 }), dir);
  return recommend(recommending(`step ${model.manifest.step}`, model), { history, k, exclude: [], includeSeen });
}

async function historyFrom(tableDir: string, user: string): Promise<string[]> {
  await openExistingEvents(tableDir); // a wrong --table is another mistake than an unknown user
  const users = followUsers(tableDir);
  await users.refresh();
  return await users.historyOf(user);
}
