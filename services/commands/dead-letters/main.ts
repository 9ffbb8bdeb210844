// dead-letters: shows the messages that were no events, and sends corrected ones back. Wiring only.
import { z } from "zod";
import { type DeadReason, deadReasons } from "../../../shared/events/event.ts";
import { count, plural } from "../../../shared/health/figures.ts";
import { resolveBrokers } from "../../../shared/kafka/broker.ts";
import { openKafka } from "../../../shared/kafka/client.ts";
import { defineCommand } from "../../../shared/runtime/command.ts";
import { folder } from "../../../shared/runtime/location.ts";
import { createLog } from "../../../shared/runtime/log.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { say } from "../../../shared/runtime/terminal.ts";
import { list } from "./list.ts";
import { type Outcome, replay } from "./replay.ts";

const reasons = Object.keys(deadReasons) as [DeadReason, ...DeadReason[]];

const options = z.object({
  action: z
    .enum(["list", "replay"], "must be list or replay")
    .describe("list, or replay: sends corrected letters back to their topics, each once"),
  file: z.string().optional().describe("replay: lines of `list --json` with `value` corrected; - or none reads stdin"),
  deadLetters: folder().optional().describe("their table (default: dead-letters/ in the data directory)"),
  dataDir: folder().default(".tributary").describe("where everything lies"),
  reason: z
    .enum(reasons, `must be one of ${reasons.join(", ")}`)
    .optional()
    .describe("list: only those of this reason, such as NOT_JSON"),
  partition: z.coerce.number().int().min(0).optional().describe("list: only those of this partition"),
  limit: z.coerce.number().int().min(1).optional().describe("list: the newest so many (default 20; with --json all)"),
  all: z.boolean().default(false).describe("list: those sent back too"),
  json: z.boolean().default(false).describe("list: one JSON object a line, for replay; replay: {sent, before, left}"),
});

export const command = defineCommand({
  name: "dead-letters",
  summary: "List the messages that were no events, and send corrected ones back",
  positionals: ["action", "file"],
  options: options.superRefine(consistent),
  run: async ({ action, file, json, ...config }, until) => {
    const dir = config.deadLetters ?? pathsOf(config.dataDir).deadLetters;
    if (action === "list") return list(dir, { ...config, json });
    const connect = async () => openKafka(await resolveBrokers(config.dataDir, process.env), createLog("dead-letters"));
    const outcome = await replay({ dir, file, connect, say }, until);
    say(inWords(outcome));
    if (json) process.stdout.write(`${JSON.stringify(outcome)}\n`);
  },
});

/** A filter on replay would look as if it sent letters back as they are. */
function consistent({ action, file, reason, partition, limit, all }: z.output<typeof options>, check: z.RefinementCtx): void {
  const refuse = (path: string, message: string) => check.addIssue({ code: "custom", path: [path], message });
  if (action === "list" && file !== undefined) refuse("file", "list takes no file");
  if (action === "replay") {
    for (const [name, given] of Object.entries({ reason, partition, limit, all: all || undefined })) {
      if (given !== undefined) refuse(name, "replay sends what its input holds: filter with list");
    }
  }
}

function inWords({ sent, before, left }: Outcome): string {
  const known = before === 0 ? "" : `${plural(before, "letter")} had been sent back before`;
  if (left > 0) return `stopped: sent back ${plural(sent, "letter")}, ${count(left)} left; run it again for the rest`;
  if (sent === 0) return known === "" ? "no letters in the input: nothing to send back" : `nothing to send back: ${known}`;
  return `sent back ${plural(sent, "letter")}${known === "" ? "" : `; ${known}`}`;
}
