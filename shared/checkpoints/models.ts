// Published models: <models>/<version>/, never changed once there. The evaluator publishes, `models` goes back, serve
// reads what pointer.ts says. Who writes holds the folder's lock. Those of an object store are store-models.ts's.
import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, link, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "../errors/errors.ts";
import { passes } from "../errors/os-errors.ts";
import { exclusively, type Held } from "../locks/lock.ts";
import type { Mix } from "../ranking/mix.ts";
import { isInStore } from "../runtime/location.ts";
import { METRICS, mustBeWhole, orForgotten, verify, writeDraft } from "./draft.ts";
import { type Manifest, readManifest, VOCABULARY } from "./manifest.ts";
import { absent, currentVersion, pinnedVersion, point, unpin } from "./pointer.ts";
import { modelsIn } from "./store-models.ts";
import { nextAfter, thinnedOut, unknown, versionsIn } from "./versions.ts";
import { MANIFEST, WEIGHTS } from "./weights.ts";

const DRAFT = ".draft";
const CANDIDATE = ".candidate";
/** Versions that are there, oldest first. */
export async function listModels(modelsDir: string): Promise<string[]> {
  return isInStore(modelsDir) ? modelsIn(modelsDir).list() : versionsIn((await readdir(modelsDir).catch(absent)) ?? []);
}

/** A folder of this machine that holds the version: itself, or a copy. Throws MODEL_UNKNOWN, CHECKPOINT_MISSING. */
export const modelFolder = async (modelsDir: string, version: string): Promise<string> =>
  isInStore(modelsDir) ? modelsIn(modelsDir).folder(version) : join(modelsDir, version);

/** Throws MODEL_UNKNOWN, CHECKPOINT_MISSING, CHECKPOINT_CORRUPT. */
export const manifestOf = (modelsDir: string, version: string): Promise<Manifest> =>
  isInStore(modelsDir) ? modelsIn(modelsDir).manifest(version) : readManifest(join(modelsDir, version));

/** What the evaluator measured when it published this version; its schema is the evaluator's own. */
export async function readMetrics(modelsDir: string, version: string): Promise<unknown> {
  if (isInStore(modelsDir)) return modelsIn(modelsDir).metrics(version);
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
  if (isInStore(modelsDir)) return modelsIn(modelsDir).publish(checkpointDir, metrics, parent, trends);
  await mkdir(modelsDir, { recursive: true });
  return alone(modelsDir, signal, async ({ mustHold }) => {
    const current = await currentVersion(modelsDir);
    if ((parent !== undefined && parent !== current) || (await pinnedVersion(modelsDir)) !== null) return null;
    await removeDrafts(modelsDir);
    const draft = join(modelsDir, `${DRAFT}${randomUUID()}`);
    try {
      await writeDraft(draft, checkpointDir, metrics, { parent: current, trends });
      await mustBeWhole(draft);
      const version = nextAfter(await listModels(modelsDir));
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
  const dir = isInStore(modelsDir) ? join(tmpdir(), `tributary-candidate-${process.pid}`) : join(modelsDir, CANDIDATE);
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

/** Left by processes that were killed: nobody else writes one while we hold the lock. */
async function removeDrafts(modelsDir: string): Promise<void> {
  const drafts = (await readdir(modelsDir)).filter((name) => name.startsWith(DRAFT));
  for (const name of drafts) await rm(join(modelsDir, name), { recursive: true, force: true });
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
  if (isInStore(modelsDir)) return modelsIn(modelsDir).goTo(version, pin);
  return alone(modelsDir, signal, async ({ mustHold }) => {
    await mustBeThere(); // not pruned while another held the lock
    await verify(join(modelsDir, version));
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
 * The version that was current when this one was published; null for the first, and where its manifest cannot be read.
 */
export async function parentOf(modelsDir: string, version: string): Promise<string | null> {
  try {
    return (await manifestOf(modelsDir, version)).published?.parent ?? null;
  } catch (error) {
    if (!(error instanceof AppError) || passes(error)) throw error;
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
  const orNone = (manifest: Promise<Manifest>) =>
    manifest.catch((error: unknown) => {
      if (error instanceof AppError && !passes(error)) return undefined; // torn, or removed meanwhile
      throw error;
    });
  const wanted = await orNone(readManifest(checkpointDir));
  for (const version of wanted ? (await listModels(modelsDir)).reverse() : []) {
    const found = await orNone(manifestOf(modelsDir, version));
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
  if (isInStore(modelsDir)) return modelsIn(modelsDir).prune();
  await alone(modelsDir, signal, async ({ mustHold }) => {
    const [current, pinned] = [await currentVersion(modelsDir), await pinnedVersion(modelsDir)];
    const spared = [current, pinned, current && (await parentOf(modelsDir, current))];
    const old = thinnedOut(await listModels(modelsDir), spared);
    mustHold();
    for (const version of old) await rm(join(modelsDir, version), { recursive: true, force: true });
  });
}

/** Whoever publishes, goes back or prunes does so alone; readers need no lock. */
const alone = <T>(modelsDir: string, signal: AbortSignal | undefined, work: (held: Held) => Promise<T>): Promise<T> =>
  exclusively(join(modelsDir, ".lock"), signal, work);
