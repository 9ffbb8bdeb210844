// The flags of `models`, and which go together.
import { z } from "zod";
import { folder, location } from "../../../shared/runtime/location.ts";

const flags = z.object({
  action: z
    .enum(["list", "show", "diff", "rollback", "pin"], "must be list, show, diff, rollback or pin")
    .describe(
      "list; show VERSION; diff VERSION OTHER; rollback: makes an earlier one current again; pin: keeps one current",
    ),
  version: z
    .string()
    .optional()
    .describe("such as v000007 or 7; rollback takes the current one's parent without it, show and pin the current one"),
  other: z.string().optional().describe("diff: the version that is compared with VERSION"),
  dataDir: folder().default(".tributary").describe("where everything is kept"),
  models: location().optional().describe("where models are published (default: models of the data directory)"),
  out: folder()
    .optional()
    .describe("rollback --branch: --out of the parameter server (default: training of the data directory)"),
  pin: z
    .boolean()
    .default(true)
    .describe("rollback: --no-pin lets the evaluator publish the next model that passes against this one"),
  branch: z
    .boolean()
    .default(false)
    .describe("rollback: the parameter server's training goes on from that model when it starts again"),
  off: z.boolean().default(false).describe("pin: the evaluator publishes what passes again"),
  json: z.boolean().default(false).describe("one JSON object instead of a table"),
});

export const options = flags.superRefine(consistent);

/** A flag of another action would look as if it had done something. */
function consistent(
  { action, version, other, pin, branch, off }: z.output<typeof flags>,
  check: z.RefinementCtx,
): void {
  const refuse = (path: string, message: string) => check.addIssue({ code: "custom", path: [path], message });
  if (action === "diff" && (version === undefined || other === undefined))
    refuse("other", "diff compares two versions");
  if (action !== "diff" && other !== undefined) refuse("other", `${action} takes one version`);
  if (action === "list" && version !== undefined) refuse("version", "list takes no version");
  if (action !== "rollback" && (branch || !pin)) refuse("branch", "--branch and --no-pin are rollback's");
  if (action !== "pin" && off) refuse("off", "is pin's");
  if (off && version !== undefined) refuse("version", "--off takes no version");
}
