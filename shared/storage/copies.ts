// Copies on this machine of what lies in an object store and never changes, each under a name of its own: made whole or
// not at all, shared by all processes of this user, and gone when others have been used since.
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { makeDurable } from "../disk/durable.ts";
import { AppError } from "../errors/errors.ts";
import { isInStore } from "../runtime/location.ts";
import { openStore } from "./open-store.ts";
import type { Store } from "./store.ts";

/** How many stay of one kind: the newest that were used. */
const COPIES = 6;
/** What is left of a copy that a killed process was making, ms. */
const ABANDONED_MS = 86_400_000;

export const copiesOf = (kind: string): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "tributary", kind);

/** The folder `name` in `root`, which `fill` makes where it is not there. */
export async function copied(root: string, name: string, fill: (draft: string) => Promise<void>): Promise<string> {
  const copy = join(root, name);
  const now = new Date();
  if (await isThere(copy)) {
    await utimes(copy, now, now).catch(() => undefined); // somebody else's cache may be used all the same
    return copy;
  }
  const draft = join(root, `.${randomUUID()}`);
  await mkdir(draft, { recursive: true });
  try {
    await fill(draft);
    await makeDurable(draft);
    await rename(draft, copy).catch(async (error: unknown) => {
      if (!(await isThere(copy))) throw error; // another process was faster
    });
    await makeDurable(root);
    await forgetOld(root);
    return copy;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** The named files of a folder of the store, each as it is. Throws FILE_MISSING. */
export async function fetchInto(draft: string, store: Store, folder: string, files: readonly string[]): Promise<void> {
  for (const file of files)
    await writeFile(join(draft, file), await store.read(folder === "." ? file : `${folder}/${file}`), { flush: true });
}

/**
 * A folder of this machine with the files of a place: itself, or a copy of what lies there now. Throws FILE_MISSING
 * where nothing does.
 */
export async function folderHere(place: string): Promise<string> {
  if (!isInStore(place)) return place;
  const store = openStore(place);
  const found = await store.leftovers(".");
  if (found.length === 0) throw new AppError("FILE_MISSING", { what: "nothing lies there", path: place });
  const name = createHash("sha256")
    .update(JSON.stringify([place, found]))
    .digest("hex")
    .slice(0, 32);
  const files = found.map(({ path }) => path);
  return copied(copiesOf("copies"), name, (draft) => fetchInto(draft, store, ".", files));
}

async function forgetOld(root: string): Promise<void> {
  const names = await readdir(root);
  const all = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(root, name)).catch(() => undefined))?.mtimeMs ?? 0 })),
  );
  const isDraft = ({ name }: { readonly name: string }) => name.startsWith(".");
  const old = all
    .filter((each) => !isDraft(each))
    .sort((a, b) => b.at - a.at)
    .slice(COPIES);
  const abandoned = all.filter((each) => isDraft(each) && Date.now() - each.at > ABANDONED_MS);
  for (const { name } of [...old, ...abandoned]) await rm(join(root, name), { recursive: true, force: true });
}

const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );
