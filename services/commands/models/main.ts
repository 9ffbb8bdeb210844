// models: what is published, how two versions differ, and the way back. Wiring only.
import { join } from "node:path";
import { z } from "zod";
import { differenceOf } from "../../../shared/checkpoints/difference.ts";
import { linesOf } from "../../../shared/checkpoints/lines.ts";
import { goTo } from "../../../shared/checkpoints/models.ts";
import { currentVersion, pinnedVersion, unpin } from "../../../shared/checkpoints/pointer.ts";
import { currentOr, parentOr, recordOf, recordsOf } from "../../../shared/checkpoints/records.ts";
import { defineCommand } from "../../../shared/runtime/command.ts";
import { folder } from "../../../shared/runtime/location.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { openBranch } from "./branch.ts";
import { differenceText } from "./diff.ts";
import { listText } from "./list.ts";
import { showText } from "./show.ts";
import { type Change, changeText } from "./telling.ts";

const options = z.object({
  action: z
    .enum(["list", "show", "diff", "rollback", "pin"], "must be list, show, diff, rollback or pin")
    .describe("list; show VERSION; diff VERSION OTHER; rollback: makes an earlier one current again; pin: keeps one current"),
  version: z
    .string()
    .optional()
    .describe("such as v000007 or 7; rollback takes the current one's parent without it, show and pin the current one"),
  other: z.string().optional().describe("diff: the version that is compared with VERSION"),
  dataDir: folder().default(".tributary").describe("where everything is kept"),
  models: folder().optional().describe("where models are published (default: models of the data directory)"),
  out: folder().optional().describe("rollback --branch: --out of the parameter server (default: training of the data directory)"),
  pin: z.boolean().default(true).describe("rollback: --no-pin lets the evaluator publish the next model that passes against this one"),
  branch: z.boolean().default(false).describe("rollback: the parameter server's training goes on from that model when it starts again"),
  off: z.boolean().default(false).describe("pin: the evaluator publishes what passes again"),
  json: z.boolean().default(false).describe("one JSON object instead of a table"),
});

export const command = defineCommand({
  name: "models",
  summary: "List, show and compare published models, go back to one, keep one",
  positionals: ["action", "version", "other"],
  options: options.superRefine(consistent),
  async run({ action, json, ...config }, { signal }) {
    const paths = pathsOf(config.dataDir);
    const dir = config.models ?? paths.models;
    const print = (value: object, text: string) => void process.stdout.write(json ? `${JSON.stringify(value)}\n` : text);
    const changed = async (change: Change) => print(change, changeText(change));
    const state = async () => ({ current: await currentVersion(dir), pinned: await pinnedVersion(dir) });
    switch (action) {
      case "list": {
        const lines = linesOf(await recordsOf(dir), await state());
        return print({ ...(await state()), models: lines }, listText(lines, dir, Date.now()));
      }
      case "show": {
        const record = await recordOf(dir, await currentOr(dir, config.version));
        return print({ ...(await state()), ...record }, showText(record, await state(), Date.now()));
      }
      case "diff": {
        const [from, to] = [await recordOf(dir, config.version!), await recordOf(dir, config.other!)];
        const difference = await differenceOf(dir, from, to);
        return print(difference, differenceText(difference));
      }
      case "rollback": {
        const version = await parentOr(dir, config.version);
        const out = config.out ?? paths.training;
        const opening = config.branch ? openBranch(join(dir, version), version, out, signal) : undefined;
        const branch = opening && (await orUnchanged(opening, signal));
        const before = await orUnchanged(goTo(dir, version, config.pin, signal), signal);
        return changed({ ...(await state()), before, branch: (await branch?.save()) ?? null });
      }
      case "pin": {
        const before = await currentVersion(dir);
        if (config.off) await unpin(dir);
        else await orUnchanged(goTo(dir, await currentOr(dir, config.version), true, signal), signal);
        return changed({ ...(await state()), before, branch: undefined });
      }
    }
  },
});

/** Who is asked to stop while it waits for the lock has done nothing, and must not look as if it had. */
async function orUnchanged<T>(change: Promise<T>, signal: AbortSignal): Promise<T> {
  return await change.catch((error: unknown) => {
    if (signal.aborted && error === signal.reason) {
      process.stderr.write("stopped while it waited: nothing was changed\n");
      process.exitCode = 130;
    }
    throw error;
  });
}

/** A flag of another action would look as if it had done something. */
function consistent({ action, version, other, pin, branch, off }: z.output<typeof options>, check: z.RefinementCtx): void {
  const refuse = (path: string, message: string) => check.addIssue({ code: "custom", path: [path], message });
  if (action === "diff" && (version === undefined || other === undefined)) refuse("other", "diff compares two versions");
  if (action !== "diff" && other !== undefined) refuse("other", `${action} takes one version`);
  if (action === "list" && version !== undefined) refuse("version", "list takes no version");
  if (action !== "rollback" && (branch || !pin)) refuse("branch", "--branch and --no-pin are rollback's");
  if (action !== "pin" && off) refuse("off", "is pin's");
  if (off && version !== undefined) refuse("version", "--off takes no version");
}
