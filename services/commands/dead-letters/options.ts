// The flags of `dead-letters`, and which go together.
import { z } from "zod";
import { type DeadReason, deadReasons } from "../../../shared/events/event.ts";
import { kafkaConfigFlag } from "../../../shared/kafka/given.ts";
import { folder, location } from "../../../shared/runtime/location.ts";

const reasons = Object.keys(deadReasons) as [DeadReason, ...DeadReason[]];

const flags = z.object({
  action: z
    .enum(["list", "replay"], "must be list or replay")
    .describe("list, or replay: sends corrected letters back to their topics, each once"),
  file: z.string().optional().describe("replay: lines of `list --json` with `value` corrected; - or none reads stdin"),
  deadLetters: location().optional().describe("their table (default: dead-letters/ in the data directory)"),
  kafkaConfig: kafkaConfigFlag(),
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

export const options = flags.superRefine(consistent);

/** A filter on replay would look as if it sent letters back as they are. */
function consistent(
  { action, file, reason, partition, limit, all }: z.output<typeof flags>,
  check: z.RefinementCtx,
): void {
  const refuse = (path: string, message: string) => check.addIssue({ code: "custom", path: [path], message });
  if (action === "list" && file !== undefined) refuse("file", "list takes no file");
  if (action === "replay") {
    for (const [name, given] of Object.entries({ reason, partition, limit, all: all || undefined })) {
      if (given !== undefined) refuse(name, "replay sends what its input holds: filter with list");
    }
  }
}
