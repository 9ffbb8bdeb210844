// The `recommend` command: the best items for a history, from a checkpoint read here or from a running serve; a table for people, JSON for machines.
import { z } from "zod";
import { openEngine } from "../../shared/engine/engine.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { AppError } from "../../shared/runtime/errors.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { openModel } from "../../shared/checkpoint/scoring.ts";
import { openExistingEvents } from "../../shared/table/events.ts";
import { askServer } from "./client.ts";
import { recommend, recommending } from "./recommender.ts";
import type { RecommendAnswer } from "./requests.ts";
import { readTitles } from "./titles.ts";
import { followUsers } from "./users.ts";

const options = z.object({
  checkpoint: z.string().optional().describe("a checkpoint or a published model to recommend from"),
  server: z.string().optional().describe("address of a running serve, http://HOST:PORT"),
  items: z.string().optional().describe("the history: items, separated by commas"),
  user: z.string().optional().describe("the user whose history the table holds"),
  k: z.coerce.number().int().min(1).max(1000).default(10).describe("how many"),
  includeSeen: z.boolean().default(false).describe("list items of the history too"),
  titles: z.string().optional().describe("CSV file of item and title, such as MovieLens' movies.csv"),
  table: z.string().optional().describe("the table that --user is looked up in, with --checkpoint (default: table of the data directory)"),
  dataDir: z.string().default(".tributary").describe("where everything is kept"),
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
    const titles = config.titles === undefined ? undefined : await readTitles(config.titles);
    const answer = server === undefined ? await fromCheckpoint(checkpoint!, config) : await fromServer(server, config);
    if (answer.unknown) process.stderr.write(`not known to the model, skipped: ${answer.unknown.join(", ")}\n`);
    if (answer.fallback) process.stderr.write("nothing known of this user: these are the popular items\n");
    const named = { ...answer, items: answer.items.map((each) => (titles ? { ...each, title: titles.get(each.item) ?? null } : each)) };
    process.stdout.write(config.json ? `${JSON.stringify(named)}\n` : tableOf(named.items));
  },
});

const itemsOf = (config: Config) =>
  config.items
    ?.split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

async function fromServer(server: string, config: Config): Promise<RecommendAnswer> {
  const { user, k, includeSeen } = config;
  const items = itemsOf(config);
  return await askServer(server, { ...(items ? { items } : {}), ...(user === undefined ? {} : { user }), k, includeSeen });
}

async function fromCheckpoint(dir: string, config: Config): Promise<RecommendAnswer> {
  const history = itemsOf(config) ?? (await historyFrom(config.table ?? pathsOf(config.dataDir).table, config.user!));
  const model = await openModel(await openEngine({ threads: 1 }), dir);
  return recommend(recommending(`step ${model.manifest.step}`, model), {
    history,
    k: config.k,
    exclude: [],
    includeSeen: config.includeSeen,
  });
}

async function historyFrom(tableDir: string, user: string): Promise<string[]> {
  await openExistingEvents(tableDir); // a wrong --table is another mistake than an unknown user
  const users = followUsers(tableDir);
  await users.refresh();
  return users.historyOf(user);
}

function tableOf(items: readonly { item: string; score: number; title?: string | null }[]): string {
  const width = Math.max(4, ...items.map(({ item }) => item.length));
  const line = (rank: string, score: string, item: string, title: string) =>
    `${rank.padStart(4)}  ${score.padStart(7)}  ${item.padEnd(width)}  ${title}`.trimEnd();
  const rows = items.map(({ item, score, title }, k) => line(String(k + 1), score.toFixed(3), item, title ?? ""));
  return `${[line("rank", "score", "item", items.some(({ title }) => title) ? "title" : ""), ...rows].join("\n")}\n`;
}
