// Models and training checkpoints on disk: written to a side, flushed, renamed; their hashes stand in the manifest, which is read first. Between server, evaluator and serve.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { checkShapes, decodeSafetensors, encodeSafetensors } from "../model/checkpoint.ts";
import { modelConfig } from "../model/config.ts";
import type { Weights } from "../model/parameters.ts";
import { AppError } from "../runtime/errors.ts";
import { decodeWeights, MANIFEST, WEIGHTS } from "./weights.ts";

const manifestSchema = z.object({
  format: z.literal(1),
  model: z.literal("recvae"),
  config: modelConfig,
  /** Steps of the run so far. */
  step: z.number().int().nonnegative(),
  /** Outer epochs completed. */
  round: z.number().int().nonnegative(),
  seed: z.number().int(),
  /** Decides who is held out, see shared/events/split.ts; "" for a dataset directory, which says it itself. */
  salt: z.string(),
  /** Version of the events table that was pinned; null without a table. */
  tableVersion: z.number().int().nullable(),
  /** Arrival of the newest event that is covered, ms since 1970. */
  watermark: z.number().nullable(),
  vocabulary: z.object({ count: z.number().int().nonnegative(), file: z.literal("vocabulary.json") }),
  sha256: z.record(z.string(), z.string()),
  createdAt: z.number(),
});
export type Manifest = z.output<typeof manifestSchema>;
/** What the caller knows; the rest follows from the files. */
export type ManifestFacts = Omit<Manifest, "format" | "model" | "vocabulary" | "sha256">;

export interface Model {
  readonly weights: Weights;
  readonly manifest: Manifest;
  /** Item of each column. */
  readonly vocabulary: readonly string[];
}

export interface Checkpoint extends Model {
  readonly dir: string;
  /** Adam's moments and whatever else the server needs to go on. */
  readonly state: Weights;
  /** Counters and reports of the run, JSON. */
  readonly training: unknown;
}

const KEPT = 3;
const VOCABULARY = "vocabulary.json";
const STATE = "state.safetensors";
const TRAINING = "training.json";

/** A new `dir` appears as a whole; in an existing one the files are replaced one by one, the manifest last. */
export async function saveModel(dir: string, weights: Weights, facts: ManifestFacts, vocabulary: readonly string[]): Promise<void> {
  await writeAll(dir, filesOf(weights, vocabulary), facts, vocabulary.length);
}

/** Throws CHECKPOINT_MISSING, or CHECKPOINT_CORRUPT when a hash, a shape or the vocabulary does not fit the manifest, or a weight is not finite. */
export async function loadModel(dir: string): Promise<Model> {
  const manifest = await readManifest(dir);
  const weights = decodeWeights(await readChecked(dir, WEIGHTS, manifest), join(dir, WEIGHTS), (weights) => {
    checkShapes(weights, manifest.config);
    return weights;
  });
  const vocabulary = z.array(z.string()).parse(JSON.parse(new TextDecoder().decode(await readChecked(dir, VOCABULARY, manifest))));
  if (vocabulary.length !== manifest.vocabulary.count || vocabulary.length !== manifest.config.items)
    throw new AppError("CHECKPOINT_CORRUPT", { what: `${vocabulary.length} items for ${manifest.config.items} columns`, path: dir });
  return { weights, manifest, vocabulary };
}

/** Writes `<root>/<step>/` and forgets all but the newest three. */
export async function saveCheckpoint(
  root: string,
  {
    weights,
    state,
    training,
    facts,
    vocabulary,
  }: { weights: Weights; state: Weights; training: unknown; facts: ManifestFacts; vocabulary: readonly string[] },
): Promise<string> {
  const dir = join(root, String(facts.step).padStart(12, "0"));
  await rm(dir, { recursive: true, force: true }); // a run that was set back writes the same step again
  const files = { ...filesOf(weights, vocabulary), [STATE]: encodeSafetensors(state), [TRAINING]: utf8(JSON.stringify(training)) };
  await writeAll(dir, files, facts, vocabulary.length);
  const old = (await listCheckpoints(root)).slice(0, -KEPT);
  await Promise.all(old.map((each) => rm(each, { recursive: true, force: true })));
  return dir;
}

/** Paths of the checkpoints below `root`, oldest first; whole or not is for the reader to see. */
export async function listCheckpoints(root: string): Promise<string[]> {
  const names = existsSync(root) ? await readdir(root) : [];
  return names
    .filter((name) => /^\d{12}$/.test(name))
    .sort()
    .map((name) => join(root, name));
}

/** The newest whole checkpoint; torn ones are named to `warn` and left behind. */
export async function newestCheckpoint(root: string, warn: (error: Error) => void): Promise<Checkpoint | undefined> {
  for (const dir of (await listCheckpoints(root)).reverse()) {
    try {
      const model = await loadModel(dir);
      const state = decodeSafetensors(await readChecked(dir, STATE, model.manifest));
      const training = JSON.parse(new TextDecoder().decode(await readChecked(dir, TRAINING, model.manifest))) as unknown;
      return { ...model, dir, state, training };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      warn(error);
    }
  }
  return undefined;
}

const utf8 = (text: string) => new TextEncoder().encode(text);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function filesOf(weights: Weights, vocabulary: readonly string[]): Record<string, Uint8Array> {
  return { [WEIGHTS]: encodeSafetensors(weights), [VOCABULARY]: utf8(`${JSON.stringify(vocabulary, null, 1)}\n`) };
}

async function writeAll(dir: string, files: Record<string, Uint8Array>, facts: ManifestFacts, count: number): Promise<void> {
  const manifest: Manifest = {
    format: 1,
    model: "recvae",
    ...facts,
    vocabulary: { count, file: VOCABULARY },
    sha256: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, sha256(bytes)])),
  };
  const all = { ...files, [MANIFEST]: utf8(`${JSON.stringify(manifest, null, 2)}\n`) };
  const exists = existsSync(dir);
  const aside = join(dirname(dir), `.${basename(dir)}.${process.pid}.tmp`);
  await rm(aside, { recursive: true, force: true });
  await mkdir(aside, { recursive: true });
  for (const [name, bytes] of Object.entries(all)) await flush(join(aside, name), bytes);
  await flushDirectory(aside);
  if (exists) {
    for (const name of Object.keys(all)) await rename(join(aside, name), join(dir, name));
    await rm(aside, { recursive: true });
    await flushDirectory(dir);
  } else await rename(aside, dir);
  await flushDirectory(dirname(dir));
}

async function flush(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A rename is on the disk only when its directory is. */
async function flushDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function readManifest(dir: string): Promise<Manifest> {
  const path = join(dir, MANIFEST);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR")
      throw new AppError("CHECKPOINT_MISSING", { what: "no such file", path }, { cause: error });
    throw error;
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError("CHECKPOINT_CORRUPT", { what: "the manifest is not JSON", path }, { cause: error });
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) throw new AppError("CHECKPOINT_CORRUPT", { what: z.prettifyError(parsed.error).replaceAll("\n", " "), path });
  return parsed.data;
}

async function readChecked(dir: string, name: string, manifest: Manifest): Promise<Uint8Array> {
  const path = join(dir, name);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") throw new AppError("CHECKPOINT_MISSING", { what: "no such file", path }, { cause: error });
    throw error;
  });
  if (sha256(bytes) !== manifest.sha256[name])
    throw new AppError("CHECKPOINT_CORRUPT", { what: "the file is not the one that the manifest names (sha256)", path });
  return bytes;
}
