// The `recommend` command: the best items for a history, or those like an item, from a checkpoint read here or from a
// running serve; a table for people, JSON for machines.
import { AppError } from "../../../shared/errors/errors.ts";
import { MOST_DIVERSE, readFilters } from "../../../shared/recommending/requests.ts";
import { defineCommand } from "../../../shared/runtime/command.ts";
import { say } from "../../../shared/runtime/terminal.ts";
import { folderHere } from "../../../shared/storage/copies.ts";
import { fromCheckpoint, fromServer } from "./answers.ts";
import { itemsOf, quoted } from "./history.ts";
import { tableOf } from "./listing.ts";
import { options } from "./options.ts";
import { readTitles } from "./titles.ts";

const fallbacks = {
  popular: "no item of the history is known to the model: these are the popular items",
  following: "the model has no vector of the item: these are what is met after it now",
};
const empties = {
  candidates: "nothing is listed: the model knows none of the candidates",
  filters: "nothing is listed: no item passes the filters",
  seen: "nothing is listed: what is left is in the history or excluded",
};

export const command = defineCommand({
  name: "recommend",
  summary: "The best items for a history or a user, or like an item, from a checkpoint or a running serve",
  options,
  async run(config) {
    const { checkpoint, server, items, user, similar, diversity } = config;
    if ((checkpoint === undefined) === (server === undefined))
      throw new AppError("USAGE", { what: "give either --checkpoint or --server" });
    const given = [items, user, similar].filter((each) => each !== undefined);
    if (given.length !== 1) throw new AppError("USAGE", { what: "give one of --items, --user and --similar" });
    if (diversity > 0 && config.k > MOST_DIVERSE)
      throw new AppError("USAGE", { what: `-k ${config.k}: at most ${MOST_DIVERSE} with --diversity` });
    const alone = config.candidates === undefined && config.exclude === "" && diversity === 0;
    if (similar !== undefined && !alone)
      throw new AppError("USAGE", { what: "--similar goes with -k and --filters, and with nothing else of a list" });
    const titles =
      config.titles === undefined ? undefined : await readTitles(config.titles, { encoding: config.titlesEncoding });
    const named = (flag: string, text: string | undefined) =>
      text === undefined ? undefined : itemsOf(text, titles, flag);
    const asked = {
      items: named("items", items),
      user,
      similar: named("similar", similar && quoted(similar))?.[0],
      candidates: named("candidates", config.candidates),
      exclude: itemsOf(config.exclude, titles, "exclude"),
      filters: config.filters === undefined ? undefined : readFilters(config.filters),
    };
    const answer =
      server === undefined
        ? await fromCheckpoint(await folderHere(checkpoint!), asked, config)
        : await fromServer(server, asked, config);
    const withTitle = (item: string) => (titles?.has(item) ? `${item} (${titles.get(item)})` : item);
    if ("unknown" in answer && answer.unknown)
      say(`not known to the model, skipped: ${answer.unknown.map(withTitle).join("; ")}`);
    if (answer.fallback) say(fallbacks[answer.fallback]);
    if (answer.empty) say(empties[answer.empty]);
    const listed = answer.items.map((each) => (titles ? { ...each, title: titles.get(each.item) ?? null } : each));
    process.stdout.write(config.json ? `${JSON.stringify({ ...answer, items: listed })}\n` : tableOf(listed));
  },
});
