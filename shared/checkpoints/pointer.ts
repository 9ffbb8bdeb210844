// Which published model is in use: the file `current` names it, the file `pinned` says that it stays. Both are replaced
// by rename: a reader sees the old name or the new one.
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeDurable } from "../disk/durable.ts";

export const versionPattern = /^v\d{6,}$/;

/** The version that `current` names, or null before the first publication. */
export const currentVersion = (modelsDir: string): Promise<string | null> => named(modelsDir, "current");

/** The version that publication is pinned to, or null: the evaluator publishes what passes. */
export const pinnedVersion = (modelsDir: string): Promise<string | null> => named(modelsDir, "pinned");

/** Durable when it returns. */
export async function point(modelsDir: string, pointer: "current" | "pinned", version: string): Promise<void> {
  const next = join(modelsDir, `.${pointer}.next`);
  await writeFile(next, `${version}\n`);
  await makeDurable(next);
  await rename(next, join(modelsDir, pointer));
  await makeDurable(modelsDir);
}

export async function unpin(modelsDir: string): Promise<void> {
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
