// Which published model is in use: the file `current` names it, the file `pinned` says that it stays. Both are replaced
// by rename: a reader sees the old name or the new one. In an object store it is one object, see store-pointer.ts.
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeDurable } from "../disk/durable.ts";
import { isInStore } from "../runtime/location.ts";
import { modelsIn } from "./store-models.ts";
import { versionPattern } from "./versions.ts";

/** The version that `current` names, or null before the first publication. */
export const currentVersion = async (modelsDir: string): Promise<string | null> =>
  isInStore(modelsDir) ? (await modelsIn(modelsDir).pointer()).version : named(modelsDir, "current");

/** The version that publication is pinned to, or null: the evaluator publishes what passes. */
export async function pinnedVersion(modelsDir: string): Promise<string | null> {
  if (!isInStore(modelsDir)) return named(modelsDir, "pinned");
  const { version, isPinned } = await modelsIn(modelsDir).pointer();
  return isPinned ? version : null;
}

/** Of a folder. Durable when it returns. */
export async function point(modelsDir: string, pointer: "current" | "pinned", version: string): Promise<void> {
  const next = join(modelsDir, `.${pointer}.next`);
  await writeFile(next, `${version}\n`);
  await makeDurable(next);
  await rename(next, join(modelsDir, pointer));
  await makeDurable(modelsDir);
}

export async function unpin(modelsDir: string): Promise<void> {
  if (isInStore(modelsDir)) return modelsIn(modelsDir).unpin();
  await rm(join(modelsDir, "pinned"), { force: true });
  await makeDurable(modelsDir);
}

async function named(modelsDir: string, pointer: "current" | "pinned"): Promise<string | null> {
  const text = (await readFile(join(modelsDir, pointer), "utf8").catch(absent))?.trim() ?? "";
  return versionPattern.test(text) ? text : null;
}

/** For `catch`: a file that is not there is null, anything else is thrown on. */
export function absent(error: NodeJS.ErrnoException): null {
  if (error.code === "ENOENT") return null;
  throw error;
}
