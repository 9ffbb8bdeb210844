// A version of a model before it has a name: a checkpoint's model, what was measured of it, and a manifest that says of
// whom it is the child. A folder of this machine, whatever place it goes to.
import { constants } from "node:fs";
import { chmod, copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { makeDurable } from "../disk/durable.ts";
import { AppError } from "../errors/errors.ts";
import type { Mix } from "../ranking/mix.ts";
import { loadModel } from "./checkpoints.ts";
import { realDisk } from "./disk.ts";
import { checkHash, readText, writeFile } from "./files.ts";
import { formatManifest, readManifest, VOCABULARY, type WrittenManifest } from "./manifest.ts";
import { MANIFEST, WEIGHTS } from "./weights.ts";

export const METRICS = "metrics.json";

/**
 * The files are made read-only, so that no editor changes one by mistake; the folder is not, so that `rm -r` still
 * removes it.
 */
export async function writeDraft(
  draft: string,
  checkpointDir: string,
  metrics: object,
  { parent, trends }: { readonly parent: string | null; readonly trends: Mix | undefined },
): Promise<void> {
  await mkdir(draft, { recursive: true });
  const { sha256, trends: _ofItsParent, pieces: _ofItsRun, ...manifest } = await readManifest(checkpointDir);
  const hashes: Record<string, string> = {};
  for (const part of [WEIGHTS, VOCABULARY]) {
    const from = join(checkpointDir, part);
    await copyFile(from, join(draft, part), constants.COPYFILE_FICLONE).catch(orForgotten(from));
    hashes[part] = sha256[part] ?? "";
  }
  const text = (value: object) => [new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)];
  hashes[METRICS] = await writeFile(realDisk, join(draft, METRICS), text(metrics));
  const published = { at: Date.now(), parent };
  const written: WrittenManifest = { ...manifest, sha256: hashes, published, ...(trends && { trends }) };
  await writeFile(realDisk, join(draft, MANIFEST), [new TextEncoder().encode(formatManifest(written))]);
  for (const part of [...Object.keys(hashes), MANIFEST]) await chmod(join(draft, part), 0o444);
  for (const part of [WEIGHTS, VOCABULARY, "."]) await makeDurable(join(draft, part));
}

/** For `catch`. */
export const orForgotten = (path: string) => (error: NodeJS.ErrnoException) => {
  if (error.code !== "ENOENT") throw error;
  throw new AppError("CHECKPOINT_MISSING", { what: "it was forgotten while it was copied", path }, { cause: error });
};

/**
 * The bytes are those that the manifest names, as they can be read back; whoever publishes has opened the checkpoint
 * that they are of.
 */
export async function mustBeWhole(dir: string): Promise<void> {
  const { sha256 } = await readManifest(dir);
  for (const [part, hash] of Object.entries(sha256)) await checkHash(join(dir, part), hash);
}

/** Every file is the one that was published. Throws CHECKPOINT_CORRUPT. */
export async function verify(dir: string): Promise<void> {
  try {
    const { manifest } = await loadModel(dir);
    if (manifest.sha256[METRICS]) await readText(join(dir, METRICS), manifest.sha256[METRICS]);
  } catch (error) {
    throw error instanceof AppError && error.code === "CHECKPOINT_MISSING"
      ? new AppError("CHECKPOINT_CORRUPT", { ...error.facts, what: "a file of the model is gone" }, { cause: error })
      : error;
  }
}
