// dead-letters: shows the messages that were no events, and sends corrected ones back. Wiring only.
import { count, plural } from "../../../shared/health/views/figures.ts";
import { openNearest } from "../../../shared/kafka/nearest.ts";
import { readersIn } from "../../../shared/kafka/schemas/letter-readers.ts";
import { defineCommand } from "../../../shared/runtime/command.ts";
import { createLog } from "../../../shared/runtime/log.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { say } from "../../../shared/runtime/terminal.ts";
import { openEvents } from "../../../shared/table/events.ts";
import { list } from "./list.ts";
import { options } from "./options.ts";
import { type Outcome, replay } from "./replay.ts";

export const command = defineCommand({
  name: "dead-letters",
  summary: "List the messages that were no events, and send corrected ones back",
  positionals: ["action", "file"],
  options,
  run: async ({ action, file, json, ...config }, until) => {
    const dir = config.deadLetters ?? pathsOf(config.dataDir).deadLetters;
    if (action === "list") return list(dir, { ...config, json });
    const connect = () => openNearest({ ...config, signal: until.signal }, createLog("dead-letters"));
    const { properties } = await openEvents(pathsOf(config.dataDir).table);
    const outcome = await replay({ dir, file, readerOf: readersIn(properties), connect, say }, until);
    say(inWords(outcome));
    if (json) process.stdout.write(`${JSON.stringify(outcome)}\n`);
  },
});

function inWords({ sent, before, left }: Outcome): string {
  const sentBefore = before === 0 ? "" : `${plural(before, "letter")} had been sent back before`;
  if (left > 0) return `stopped: sent back ${plural(sent, "letter")}, ${count(left)} left; run it again for the rest`;
  if (sent === 0)
    return sentBefore === "" ? "no letters in the input: nothing to send back" : `nothing to send back: ${sentBefore}`;
  return `sent back ${plural(sent, "letter")}${sentBefore === "" ? "" : `; ${sentBefore}`}`;
}
