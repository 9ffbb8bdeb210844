// Published models: <models>/<version>/, never changed once there, and the pointer `current`, replaced by rename. The evaluator writes, serve reads.
import { constants } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeDurable } from "../runtime/durable.ts";
import { loadModel } from "./checkpoints.ts";

const versionPattern = /^v\d{6,}$/;
const parts = ["model.safetensors", "vocabulary.json", "manifest.json"];
const kept = 5;

/** Versions that are there, oldest first. */
export async function listModels(modelsDir: string): Promise<string[]> {
  const names = await readdir(modelsDir).catch(absent);
  return (names ?? []).filter((name) => versionPattern.test(name)).sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
}

/** The version that `current` names, or null before the first publication. */
export async function currentVersion(modelsDir: string): Promise<string | null> {
  const text = (await readFile(join(modelsDir, "current"), "utf8").catch(absent))?.trim() ?? "";
  return versionPattern.test(text) ? text : null;
}

/** What the evaluator measured when it published this version; its schema is the evaluator's own. */
export async function readMetrics(modelsDir: string, version: string): Promise<unknown> {
  return JSON.parse(await readFile(join(modelsDir, version, "metrics.json"), "utf8"));
}

/**
 * Copies a checkpoint to the next version, with its metrics beside it, and points `current` at it. A reader sees the old model or the new one, whole.
 * The copy itself is read back before anything points at it: throws AppError CHECKPOINT_CORRUPT when it is torn, and leaves everything as it was.
 */
export async function publish(modelsDir: string, checkpointDir: string, metrics: object): Promise<string> {
  await mkdir(modelsDir, { recursive: true });
  const newest = (await listModels(modelsDir)).at(-1);
  const version = `v${String(Number(newest?.slice(1) ?? 0) + 1).padStart(6, "0")}`;
  const draft = join(modelsDir, `.${version}.draft`);
  await rm(draft, { recursive: true, force: true }); // left by a process that was killed
  try {
    await mkdir(draft);
    for (const part of parts) await copyFile(join(checkpointDir, part), join(draft, part), constants.COPYFILE_FICLONE);
    await writeFile(join(draft, "metrics.json"), `${JSON.stringify(metrics, null, 2)}\n`);
    await loadModel(draft);
    for (const part of [...parts, "metrics.json", "."]) await makeDurable(join(draft, part));
    await rename(draft, join(modelsDir, version));
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
  await point(modelsDir, version);
  return version;
}

async function point(modelsDir: string, version: string): Promise<void> {
  const next = join(modelsDir, ".current.next");
  await writeFile(next, `${version}\n`);
  await makeDurable(next);
  await rename(next, join(modelsDir, "current"));
  await makeDurable(modelsDir);
}

/** Removes all but the newest few versions and the current one. */
export async function prune(modelsDir: string): Promise<void> {
  const current = await currentVersion(modelsDir);
  const old = (await listModels(modelsDir)).slice(0, -kept).filter((version) => version !== current);
  for (const version of old) await rm(join(modelsDir, version), { recursive: true, force: true });
}

/** For `catch`: a file that is not there is null, anything else is thrown on. */
function absent(error: NodeJS.ErrnoException): null {
  if (error.code === "ENOENT") return null;
  throw error;
}
