// models: what is published, how two versions differ, and the way back. Wiring only.
import { differenceOf } from "../../../shared/checkpoints/difference.ts";
import { linesOf } from "../../../shared/checkpoints/lines.ts";
import { goTo, modelFolder } from "../../../shared/checkpoints/models.ts";
import { currentVersion, pinnedVersion, unpin } from "../../../shared/checkpoints/pointer.ts";
import { currentOr, parentOr, recordOf, recordsOf } from "../../../shared/checkpoints/records.ts";
import { defineCommand } from "../../../shared/runtime/command.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { openBranch } from "./branch.ts";
import { differenceText } from "./diff.ts";
import { listText } from "./list.ts";
import { options } from "./options.ts";
import { showText } from "./show.ts";
import { type Change, changeText } from "./telling.ts";

export const command = defineCommand({
  name: "models",
  summary: "List, show and compare published models, go back to one, keep one",
  positionals: ["action", "version", "other"],
  options,
  async run({ action, json, ...config }, { signal }) {
    const paths = pathsOf(config.dataDir);
    const dir = config.models ?? paths.models;
    const print = (value: object, text: string) =>
      void process.stdout.write(json ? `${JSON.stringify(value)}\n` : text);
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
        const opening = config.branch ? openBranch(await modelFolder(dir, version), version, out, signal) : undefined;
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
