// The `recommend` command: the best items for a history, from a checkpoint read here or from a running serve; a table
// for people, JSON for machines.
import { AppError } from "../../../shared/errors/errors.ts";
import { defineCommand } from "../../../shared/runtime/command.ts";
import { say } from "../../../shared/runtime/terminal.ts";
import { fromCheckpoint, fromServer } from "./answers.ts";
import { itemsOf } from "./history.ts";
import { tableOf } from "./listing.ts";
import { options } from "./options.ts";
import { readTitles } from "./titles.ts";

export const command = defineCommand({
  name: "recommend",
  summary: "The best items for a history or a user, from a checkpoint or a running serve",
  options,
  async run(config) {
    const { checkpoint, server, items, user } = config;
    if ((checkpoint === undefined) === (server === undefined))
      throw new AppError("USAGE", { what: "give either --checkpoint or --server" });
    if ((items === undefined) === (user === undefined))
      throw new AppError("USAGE", { what: "give either --items or --user" });
    const titles =
      config.titles === undefined ? undefined : await readTitles(config.titles, { encoding: config.titlesEncoding });
    const history = items === undefined ? undefined : itemsOf(items, titles);
    const answer =
      server === undefined
        ? await fromCheckpoint(checkpoint!, history, config)
        : await fromServer(server, history, config);
    const named = (item: string) => (titles?.has(item) ? `${item} (${titles.get(item)})` : item);
    if (answer.unknown) say(`not known to the model, skipped: ${answer.unknown.map(named).join("; ")}`);
    if (answer.fallback) say("no item of the history is known to the model: these are the popular items");
    const listed = answer.items.map((each) => (titles ? { ...each, title: titles.get(each.item) ?? null } : each));
    process.stdout.write(config.json ? `${JSON.stringify({ ...answer, items: listed })}\n` : tableOf(listed));
  },
});
