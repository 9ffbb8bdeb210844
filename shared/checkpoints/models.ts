// Published models: <models>/<version>/, never changed once there. The evaluator publishes, `models` goes back, serve
// reads what pointer.ts says. Who writes holds the folder's lock.
import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { chmod, copyFile, link, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeDurable } from "../disk/durable.ts";
import { AppError } from "../errors/errors.ts";
import { exclusively, type Held } from "../locks/lock.ts";
import type { Mix } from "../ranking/mix.ts";
import { loadModel } from "./checkpoints.ts";
import { realDisk } from "./disk.ts";
import { checkHash, readText, writeFile } from "./files.ts";
import { formatManifest, type Manifest, readManifest, VOCABULARY, type WrittenManifest } from "./manifest.ts";
import { absent, currentVersion, pinnedVersion, point, unpin, versionPattern } from "./pointer.ts";
import { MANIFEST, WEIGHTS } from "./weights.ts";

const METRICS = "metrics.json";
const DRAFT = ".draft";
const CANDIDATE = ".candidate";
/**
 * How many of the newest are kept, of all, of every eighth, of every 64th, ...: a model every few seconds, and still
 * one of an hour ago and one of yesterday to go back to.
 */
const kept = [
  { every: 1, newest: 5 },
  { every: 8, newest: 3 },
  { every: 64, newest: 3 },
  { every: 512, newest: 3 },
  { every: 4096, newest: 3 },
];

/** Versions that are there, oldest first. */
export async function listModels(modelsDir: string): Promise<string[]> {
  const names = await readdir(modelsDir).catch(absent);
  return (names ?? [])
    .filter((name) => versionPattern.test(name))
    .sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
}

/** What the evaluator measured when it published this version; its schema is the evaluator's own. */
export async function readMetrics(modelsDir: string, version: string): Promise<unknown> {
  return JSON.parse(await readFile(join(modelsDir, version, METRICS), "utf8"));
}

/**
 * Copies a checkpoint to the next version, with its metrics beside it, and points `current` at it. A reader sees the
 * old model or the new one, whole. `parent` is the version that it was compared with: null is answered, and nothing
 * changed, when another one is current by then, or publication is pinned. The copy itself is read back before anything
 * points at it: throws AppError CHECKPOINT_CORRUPT when it is torn, CHECKPOINT_MISSING when the checkpoint was
 * forgotten meanwhile, and leaves everything as it was.
 */
export async function publish(
  modelsDir: string,
  checkpointDir: string,
  metrics: object,
  parent?: string | null,
  signal?: AbortSignal,
  trends?: Mix,
): Promise<string | null> {
  await mkdir(modelsDir, { recursive: true });
  return alone(modelsDir, signal, async ({ mustHold }) => {
    const current = await currentVersion(modelsDir);
    if ((parent !== undefined && parent !== current) || (await pinnedVersion(modelsDir)) !== null) return null;
    await removeDrafts(modelsDir);
    const draft = join(modelsDir, `${DRAFT}${randomUUID()}`);
    try {
      await writeDraft(draft, checkpointDir, metrics, { parent: current, trends });
      await mustBeWhole(draft);
      const newest = (await listModels(modelsDir)).at(-1);
      const version = `v${String(newest === undefined ? 1 : numberOf(newest) + 1).padStart(6, "0")}`;
      mustHold();
      await rename(draft, join(modelsDir, version));
      await point(modelsDir, "current", version);
      return version;
    } catch (error) {
      mustHold(); // whoever came in our place has removed the draft
      throw error;
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  });
}

/**
 * A checkpoint's model under another name, which stays until `held` has ended, whatever the server forgets meanwhile: a
 * candidate may take longer to be judged than the newest few checkpoints are kept. Throws CHECKPOINT_MISSING where it
 * was forgotten before. For the folder's one evaluator.
 */
export async function holding<T>(
  modelsDir: string,
  checkpointDir: string,
  held: (dir: string) => Promise<T>,
): Promise<T> {
  const dir = join(modelsDir, CANDIDATE);
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  try {
    for (const part of [MANIFEST, WEIGHTS, VOCABULARY]) await linked(join(checkpointDir, part), join(dir, part));
    return await held(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** On another disk, or one without links, a copy. */
async function linked(from: string, to: string): Promise<void> {
  await link(from, to)
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") throw error;
      return copyFile(from, to, constants.COPYFILE_FICLONE);
    })
    .catch(orForgotten(from));
}

/** For `catch`. */
const orForgotten = (path: string) => (error: NodeJS.ErrnoException) => {
  if (error.code !== "ENOENT") throw error;
  throw new AppError("CHECKPOINT_MISSING", { what: "it was forgotten while it was copied", path }, { cause: error });
};

/** Left by processes that were killed: nobody else writes one while we hold the lock. */
async function removeDrafts(modelsDir: string): Promise<void> {
  const drafts = (await readdir(modelsDir)).filter((name) => name.startsWith(DRAFT));
  for (const name of drafts) await rm(join(modelsDir, name), { recursive: true, force: true });
}

/**
 * The files are made read-only, so that no editor changes one by mistake; the folder is not, so that `rm -r` still
 * removes it.
 */
async function writeDraft(
  draft: string,
  checkpointDir: string,
  metrics: object,
  { parent, trends }: { readonly parent: string | null; readonly trends: Mix | undefined },
): Promise<void> {
  await mkdir(draft);
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

/**
 * Points `current` at a version that is there; with `pin` keeps it there until `unpin`, without it nothing is pinned
 * afterwards. It is read whole before: throws MODEL_UNKNOWN, or CHECKPOINT_CORRUPT, and leaves everything as it was.
 * Returns what was current until then.
 */
export async function goTo(
  modelsDir: string,
  version: string,
  pin: boolean,
  signal?: AbortSignal,
): Promise<string | null> {
  const mustBeThere = async () => {
    if (!(await listModels(modelsDir)).includes(version)) throw unknown(modelsDir, version);
  };
  await mustBeThere(); // and so is the folder, for the lock
  return alone(modelsDir, signal, async ({ mustHold }) => {
    await mustBeThere(); // not pruned while another held the lock
    await verify(modelsDir, version);
    const before = await currentVersion(modelsDir);
    mustHold();
    // first: killed in between, publication stands still, and nothing else has happened
    if (pin) await point(modelsDir, "pinned", version);
    await point(modelsDir, "current", version);
    if (!pin) await unpin(modelsDir);
    return before;
  });
}

/**
 * The bytes are those that the manifest names, as they can be read back; whoever publishes has opened the checkpoint
 * that they are of.
 */
async function mustBeWhole(dir: string): Promise<void> {
  const { sha256 } = await readManifest(dir);
  for (const [part, hash] of Object.entries(sha256)) await checkHash(join(dir, part), hash);
}

/** Every file is the one that was published. */
async function verify(modelsDir: string, version: string): Promise<void> {
  const dir = join(modelsDir, version);
  try {
    const { manifest } = await loadModel(dir);
    if (manifest.sha256[METRICS]) await readText(join(dir, METRICS), manifest.sha256[METRICS]);
  } catch (error) {
    throw error instanceof AppError && error.code === "CHECKPOINT_MISSING"
      ? new AppError("CHECKPOINT_CORRUPT", { ...error.facts, what: "a file of the model is gone" }, { cause: error })
      : error;
  }
}

export const unknown = (modelsDir: string, version: string) =>
  new AppError("MODEL_UNKNOWN", { what: `no version ${version}`, path: modelsDir });

/**
 * The version that was current when this one was published; null for the first, and where its manifest cannot be read.
 */
export async function parentOf(modelsDir: string, version: string): Promise<string | null> {
  try {
    return (await readManifest(join(modelsDir, version))).published?.parent ?? null;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return null;
  }
}

/**
 * What the version says of itself that was made of this checkpoint; undefined when there is none, and where the
 * checkpoint cannot be read.
 */
export async function versionOf(
  modelsDir: string,
  checkpointDir: string,
): Promise<(Manifest & { version: string }) | undefined> {
  const manifestOf = (dir: string) =>
    readManifest(dir).catch((error: unknown) => {
      if (error instanceof AppError) return undefined; // torn, or removed meanwhile
      throw error;
    });
  const wanted = await manifestOf(checkpointDir);
  for (const version of wanted ? (await listModels(modelsDir)).reverse() : []) {
    const found = await manifestOf(join(modelsDir, version));
    if (found && isSame(found, wanted!)) return { ...found, version };
  }
  return undefined;
}

const isSame = (one: Manifest, other: Manifest) =>
  one.step === other.step && one.createdAt === other.createdAt && one.sha256[WEIGHTS] === other.sha256[WEIGHTS];

/**
 * Keeps the newest few versions, ever fewer of the older ones, the current one and its parent, which `models rollback`
 * goes back to, and the pinned one.
 */
export async function prune(modelsDir: string, signal?: AbortSignal): Promise<void> {
  await alone(modelsDir, signal, async ({ mustHold }) => {
    const [current, pinned] = [await currentVersion(modelsDir), await pinnedVersion(modelsDir)];
    const spared = [current, pinned, current && (await parentOf(modelsDir, current))];
    const versions = await listModels(modelsDir);
    const thinned = kept.flatMap(({ every, newest }) =>
      versions.filter((version) => numberOf(version) % every === 0).slice(-newest),
    );
    const old = versions.filter((version) => !spared.includes(version) && !thinned.includes(version));
    mustHold();
    for (const version of old) await rm(join(modelsDir, version), { recursive: true, force: true });
  });
}

const numberOf = (version: string) => Number(version.slice(1));

/** Whoever publishes, goes back or prunes does so alone; readers need no lock. */
const alone = <T>(modelsDir: string, signal: AbortSignal | undefined, work: (held: Held) => Promise<T>): Promise<T> =>
  exclusively(join(modelsDir, ".lock"), signal, work);
