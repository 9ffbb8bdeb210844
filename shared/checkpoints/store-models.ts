// Published models in an object store. `published/VERSION.json`, put if it is absent, holds a version's manifest and
// metrics and names the folder of its files, which nobody else ever writes to and which is never changed; `current`
// names the version in use. No lock and no link: who is killed half-way leaves a folder that nothing names. Readers
// keep copies of the folders that they open on their own disk.
import { randomUUID } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "../errors/errors.ts";
import { passes } from "../errors/os-errors.ts";
import { hash32 } from "../events/hash.ts";
import type { Mix } from "../ranking/mix.ts";
import { copied, copiesOf, fetchInto } from "../storage/copies.ts";
import { openPrefix } from "../storage/open-store.ts";
import type { SwappingStore } from "../storage/store.ts";
import { METRICS, mustBeWhole, verify, writeDraft } from "./draft.ts";
import { type Manifest, parseManifest, VOCABULARY } from "./manifest.ts";
import { movePointer, type Pointer, readPointer } from "./store-pointer.ts";
import { nextAfter, thinnedOut, unknown, versionsIn } from "./versions.ts";
import { MANIFEST, WEIGHTS } from "./weights.ts";

const PUBLISHED = "published";
const FILES = [WEIGHTS, VOCABULARY, METRICS, MANIFEST];
/** A pointer that is asked for many times a second is read so often, ms. */
const GLANCE_MS = 1000;

export interface StoredModels {
  /** As of a second ago at most. */
  pointer(): Promise<Pointer>;
  list(): Promise<string[]>;
  /** Throws MODEL_UNKNOWN. */
  manifest(version: string): Promise<Manifest>;
  metrics(version: string): Promise<unknown>;
  /** A folder of this machine that holds it. */
  folder(version: string): Promise<string>;
  publish(
    checkpointDir: string,
    metrics: object,
    parent: string | null | undefined,
    trends?: Mix,
  ): Promise<string | null>;
  goTo(version: string, isPinned: boolean): Promise<string | null>;
  unpin(): Promise<void>;
  prune(): Promise<void>;
}

interface Entry {
  readonly folder: string;
  readonly manifest: string;
  readonly metrics: unknown;
}

export function storedModels(
  place: string,
  store: SwappingStore = openPrefix(place),
  copies: string = join(copiesOf("models"), hash32(place, 0).toString(16)),
): StoredModels {
  let glance: { readonly pointer: Promise<Pointer>; readonly at: number } | undefined;

  function pointer(): Promise<Pointer> {
    const now = performance.now();
    if (!glance || now - glance.at > GLANCE_MS) glance = { pointer: readPointer(store), at: now };
    const { pointer: read } = glance;
    read.catch(() => {
      glance = undefined;
    });
    return read;
  }

  async function moved(from: Pointer, to: { readonly version: string; readonly isPinned: boolean }): Promise<boolean> {
    const done = await movePointer(store, from, to);
    glance = undefined;
    return done;
  }

  const list = async () => versionsIn((await store.list(PUBLISHED)).map((name) => name.replace(/\.json$/, "")));
  const entryPath = (version: string) => `${PUBLISHED}/${version}.json`;

  async function entry(version: string): Promise<Entry> {
    const found = await store.find(entryPath(version));
    if (!found) throw unknown(place, version);
    try {
      return JSON.parse(new TextDecoder().decode(found.bytes)) as Entry;
    } catch (error) {
      const path = `${place}/${entryPath(version)}`;
      throw new AppError("CHECKPOINT_CORRUPT", { what: "what names the version is not JSON", path }, { cause: error });
    }
  }

  async function folder(version: string): Promise<string> {
    const { folder: name } = await entry(version);
    const fill = (draft: string) => fetchInto(draft, store, name, FILES);
    return copied(copies, name, fill).catch((error: unknown) => {
      if (!(error instanceof AppError && error.code === "FILE_MISSING")) throw error;
      const what = "a file of the model is gone";
      throw new AppError("CHECKPOINT_MISSING", { what, ...error.facts }, { cause: error });
    });
  }

  async function publish(
    checkpointDir: string,
    metrics: object,
    parent: string | null | undefined,
    trends?: Mix,
  ): Promise<string | null> {
    const from = await readPointer(store);
    if ((parent !== undefined && parent !== from.version) || from.isPinned) return null;
    const draft = join(tmpdir(), `tributary-draft-${randomUUID()}`);
    const name = `model-${randomUUID()}`;
    let mayBeNamed = false;
    try {
      await writeDraft(draft, checkpointDir, metrics, { parent: from.version, trends });
      await mustBeWhole(draft);
      for (const file of FILES) await store.put(`${name}/${file}`, await readFile(join(draft, file)));
      const manifest = await readFile(join(draft, MANIFEST), "utf8");
      const bytes = new TextEncoder().encode(JSON.stringify({ folder: name, manifest, metrics } satisfies Entry));
      mayBeNamed = true; // also where the answer gets lost
      const version = await claimed(bytes);
      if (await moved(from, { version, isPinned: false })) return version;
      await remove(version, name); // another one is current by now
      return null;
    } catch (error) {
      if (!mayBeNamed) for (const file of FILES) await store.remove(`${name}/${file}`).catch(() => undefined);
      throw error;
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  }

  /** The next name that is free. */
  async function claimed(bytes: Uint8Array): Promise<string> {
    for (;;) {
      const version = nextAfter(await list());
      if (await store.putIfAbsent(entryPath(version), bytes)) return version;
    }
  }

  const manifest = async (version: string) =>
    parseManifest((await entry(version)).manifest, `${place}/${entryPath(version)}`);

  /** What names it first: no reader finds half of it. */
  async function remove(version: string, name: string): Promise<void> {
    await store.remove(entryPath(version));
    for (const file of FILES) await store.remove(`${name}/${file}`);
  }

  return {
    pointer,
    list,
    folder,
    publish,
    manifest,
    metrics: async (version) => (await entry(version)).metrics,
    goTo: async (version, isPinned) => {
      await verify(await folder(version));
      for (;;) {
        const from = await readPointer(store);
        if (await moved(from, { version, isPinned })) return from.version;
      }
    },
    unpin: async () => {
      for (;;) {
        const from = await readPointer(store);
        if (!from.isPinned || from.version === null) return;
        if (await moved(from, { version: from.version, isPinned: false })) return;
      }
    },
    prune: async () => {
      const { version: current } = await readPointer(store);
      const parent = current && ((await manifest(current).catch(orNull))?.published?.parent ?? null);
      for (const version of thinnedOut(await list(), [current, parent])) {
        const found = await entry(version).catch(orNull);
        if (found) await remove(version, found.folder);
      }
    },
  };
}

/** Of what another has removed meanwhile, or nobody can read. */
function orNull(error: unknown): null {
  if (error instanceof AppError && !passes(error)) return null;
  throw error;
}

/** One for each place: a glance is shared. */
const opened = new Map<string, StoredModels>();

export function modelsIn(place: string): StoredModels {
  const found = opened.get(place) ?? storedModels(place);
  opened.set(place, found);
  return found;
}
