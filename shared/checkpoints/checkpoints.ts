// Models and training checkpoints on disk: written to a side, flushed, renamed; their hashes stand in the manifest,
// which is read first. Between server, evaluator and serve.
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { AppError } from "../errors/errors.ts";
import type { Weights } from "../neural/parameters.ts";
import { encodeSafetensors } from "../neural/safetensors.ts";
import { defaultSystem, isNeural, type NeuralName, systemOf } from "../systems/registry.ts";
import { type Disk, realDisk } from "./disk.ts";
import { readTensors, readText, writeFile } from "./files.ts";
import {
  formatManifest,
  type Manifest,
  type ManifestFacts,
  type NeuralManifest,
  readManifest,
  VOCABULARY,
  type WrittenManifest,
} from "./manifest.ts";
import { folderOf, forgetPieces, type Known, type NamedPiece, type Piece, readPieces, writePieces } from "./pieces.ts";
import { MANIFEST, readWeights, WEIGHTS } from "./weights.ts";

export interface Model<M extends Manifest = Manifest> {
  readonly weights: Weights;
  readonly manifest: M;
  /** Item of each column. */
  readonly vocabulary: readonly string[];
}

/** What a checkpoint is made of. */
export interface Contents {
  readonly weights: Weights;
  /** What the server needs to go on, but for the pieces. */
  readonly state: Weights;
  /** Parts of the state that stay the same for a while: Adam's moments, old posteriors. */
  readonly pieces?: readonly Piece[] | undefined;
  /** Counters and reports of the run, JSON. */
  readonly training: unknown;
  readonly facts: ManifestFacts<NeuralName>;
  readonly vocabulary: readonly string[];
}

export interface Checkpoint extends Model<NeuralManifest>, Pick<Contents, "state" | "training"> {
  /** With all pieces. */
  readonly state: Weights;
  readonly dir: string;
}

const STATE = "state.safetensors";
const TRAINING = "training.json";

/** A new `dir` appears as a whole; in an existing one the files are replaced one by one, the manifest last. */
export async function saveModel(
  dir: string,
  weights: Weights,
  facts: ManifestFacts,
  vocabulary: readonly string[],
  disk: Disk = realDisk,
): Promise<void> {
  const aside = await writeAside(disk, dir, filesOf(weights, vocabulary), facts, vocabulary.length);
  if (existsSync(dir)) {
    for (const name of [WEIGHTS, VOCABULARY, MANIFEST]) await disk.rename(join(aside, name), join(dir, name));
    await disk.remove(aside);
    await disk.sync(dir);
  } else await disk.rename(aside, dir);
  await disk.sync(dirname(dir));
}

/**
 * Throws CHECKPOINT_MISSING, or CHECKPOINT_CORRUPT when a hash, a shape or the vocabulary does not fit the manifest, or
 * a weight is not finite.
 */
export async function loadModel(dir: string): Promise<Model> {
  const manifest = await readManifest(dir);
  const weights = await readWeights(join(dir, WEIGHTS), manifest.sha256[WEIGHTS], (weights) => {
    systemOf(manifest.model).check(weights, manifest.config);
    return weights;
  });
  return { weights, manifest, vocabulary: await readVocabulary(dir, manifest) };
}

/**
 * One that the parameter server can train on. Throws what `loadModel` throws, and CHECKPOINT_MISMATCH where it is
 * another.
 */
export async function loadNeural(dir: string): Promise<Model<NeuralManifest>> {
  const { manifest, ...model } = await loadModel(dir);
  if (!isNeuralManifest(manifest))
    throw new AppError("CHECKPOINT_MISMATCH", {
      what: `a model of ${manifest.model} is solved, not trained step by step`,
      path: dir,
    });
  return { manifest, ...model };
}

const isNeuralManifest = (manifest: Manifest): manifest is NeuralManifest => isNeural(manifest.model);

/** Item of each column. Throws CHECKPOINT_MISSING, or CHECKPOINT_CORRUPT when it does not fit the manifest. */
async function readVocabulary(dir: string, { sha256, vocabulary: { count }, config }: Manifest): Promise<string[]> {
  const path = join(dir, VOCABULARY);
  const refuse = (what: string, options?: ErrorOptions) => new AppError("CHECKPOINT_CORRUPT", { what, path }, options);
  let items: string[];
  try {
    items = z.array(z.string()).parse(JSON.parse(await readText(path, sha256[VOCABULARY])));
  } catch (error) {
    throw error instanceof AppError ? error : refuse("the vocabulary is no list of items", { cause: error });
  }
  if (items.length !== count || items.length !== config.items)
    throw refuse(`${items.length} items for ${config.items} columns`);
  if (new Set(items).size !== items.length) throw refuse("an item has two columns");
  return items;
}

/**
 * Writes `<root>/<step>/`, and into `<root>/pieces/` the pieces that are not `known` to be there; forgets all but the
 * newest `kept`, and the newest of a round's end where it is not among them, and pieces that none of them is made of.
 */
export async function saveCheckpoint(
  root: string,
  contents: Contents,
  kept: number,
  disk: Disk = realDisk,
  known: Known = new Map(),
): Promise<string> {
  const { weights, state, pieces = [], training, facts, vocabulary } = contents;
  const dir = join(root, String(facts.step).padStart(12, "0"));
  if (await disk.makeFolder(root)) await disk.sync(dirname(root));
  const halves = (await disk.list(root)).filter((name) => /^\..*\.tmp$/.test(name)); // of processes that were killed
  for (const name of halves) await disk.remove(join(root, name));
  const files = {
    ...filesOf(weights, vocabulary),
    [STATE]: encodeSafetensors(state),
    [TRAINING]: utf8(JSON.stringify(training)),
  };
  const named = await writePieces(disk, root, pieces, known);
  const aside = await writeAside(disk, dir, files, facts, vocabulary.length, named);
  await disk.remove(dir); // a run that was set back writes the same step again
  await disk.rename(aside, dir);
  await disk.sync(root);
  for (const old of await forgettable(root, dir, kept)) await disk.remove(old);
  if (existsSync(folderOf(root))) await forgetPieces(disk, root, await piecesNamed(root));
  return dir;
}

/** Of all checkpoints that are there. One with a torn manifest cannot be gone on with, whatever it was made of. */
async function piecesNamed(root: string): Promise<NamedPiece[]> {
  const named: NamedPiece[] = [];
  for (const dir of await listCheckpoints(root)) {
    const manifest = await readManifest(dir).catch((error: unknown) => {
      if (error instanceof AppError) return undefined;
      throw error;
    });
    named.push(...(manifest?.pieces ?? []));
  }
  return named;
}

/** Those after `newest` too: a run that was set back over them found them torn. */
async function forgettable(root: string, newest: string, kept: number): Promise<string[]> {
  const all = await listCheckpoints(root);
  const upTo = all.slice(0, all.indexOf(newest) + 1);
  const keep = new Set(upTo.slice(-kept));
  const judgeable = await newestOfRounds(upTo);
  if (judgeable !== undefined) keep.add(judgeable);
  return all.filter((dir) => !keep.has(dir));
}

/** Paths of the checkpoints below `root`, oldest first; whole or not is for the reader to see. */
export async function listCheckpoints(root: string): Promise<string[]> {
  const names = existsSync(root) ? await readdir(root) : [];
  return names
    .filter((name) => /^\d{12}$/.test(name))
    .sort()
    .map((name) => join(root, name));
}

/**
 * The newest that was made at a round's end, of checkpoints from the oldest to the newest. One with a torn manifest
 * counts: whoever judges it will say so.
 */
export async function newestOfRounds(dirs: readonly string[]): Promise<string | undefined> {
  for (const dir of [...dirs].reverse()) {
    const manifest = await readManifest(dir).catch((error: unknown) => {
      if (error instanceof AppError) return error.code;
      throw error;
    });
    if (manifest === "CHECKPOINT_MISSING") continue; // forgotten meanwhile
    if (typeof manifest === "string" || !manifest.midRound) return dir;
  }
  return undefined;
}

/** The newest whole checkpoint; torn ones are named to `warn` and left behind. */
export async function newestCheckpoint(root: string, warn: (error: Error) => void): Promise<Checkpoint | undefined> {
  for (const dir of (await listCheckpoints(root)).reverse()) {
    try {
      const model = await loadNeural(dir);
      const { sha256 } = model.manifest;
      const state = {
        ...(await readTensors(join(dir, STATE), sha256[STATE])),
        ...(await readPieces(root, model.manifest.pieces ?? [])),
      };
      const training = JSON.parse(await readText(join(dir, TRAINING), sha256[TRAINING])) as unknown;
      return { ...model, dir, state, training };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      warn(error);
    }
  }
  return undefined;
}

const utf8 = (text: string) => [new TextEncoder().encode(text)];

function filesOf(weights: Weights, vocabulary: readonly string[]): Record<string, Iterable<Uint8Array>> {
  return { [WEIGHTS]: encodeSafetensors(weights), [VOCABULARY]: utf8(`${JSON.stringify(vocabulary, null, 1)}\n`) };
}

/** All files and the manifest, durable, in a hidden folder beside `dir`: its path. */
async function writeAside(
  disk: Disk,
  dir: string,
  files: Record<string, Iterable<Uint8Array>>,
  facts: ManifestFacts,
  count: number,
  pieces?: readonly NamedPiece[],
): Promise<string> {
  const aside = join(dirname(dir), `.${basename(dir)}.tmp`);
  await disk.remove(aside);
  await disk.makeFolder(aside);
  const sha256: Record<string, string> = {};
  for (const [name, pieces] of Object.entries(files)) sha256[name] = await writeFile(disk, join(aside, name), pieces);
  const manifest: WrittenManifest = {
    format: 1,
    model: defaultSystem,
    ...facts,
    vocabulary: { count, file: VOCABULARY },
    sha256,
    pieces: pieces && [...pieces],
  };
  await writeFile(disk, join(aside, MANIFEST), utf8(formatManifest(manifest)));
  await disk.sync(aside);
  return aside;
}
