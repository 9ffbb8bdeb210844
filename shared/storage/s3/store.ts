// A prefix of a bucket as a store. Of all who put the same key if it is absent one is told that it was it, also where
// answers get lost and come twice: each leaves a mark beside its object, and who is refused looks whose stands there.
import { randomUUID } from "node:crypto";
import { AppError } from "../../errors/errors.ts";
import type { SwappingStore } from "../store.ts";
import type { Bucket, Condition, Listed } from "./bucket.ts";
import { type Condition as Kept, mustKeep } from "./conditions.ts";
import { type Counts, type Outcome, type Try, trying, type World } from "./tries.ts";

/** Buckets that keep conditions of a kind. */
const fit: Readonly<Record<Kept, WeakSet<Bucket>>> = { names: new WeakSet(), tags: new WeakSet() };

interface Place {
  /** s3://BUCKET/PREFIX */
  readonly name: string;
  /** "" where it is the whole bucket. */
  readonly prefix: string;
}

export function s3Store({ name, prefix }: Place, bucket: Bucket, counts: Counts, world?: World): SwappingStore {
  const tried: Try = trying(bucket, counts, world);
  const keyOf = (path: string) => (prefix === "" ? path : `${prefix}/${path}`);
  const at = (path: string) => `${name}/${path}`;

  /** Once for each bucket; again where it could not be told. */
  async function mustBeFit(condition: Kept = "names"): Promise<void> {
    if (fit[condition].has(bucket)) return;
    await mustKeep(condition, bucket, tried, { name, key: keyOf(`_probe-${randomUUID()}`) });
    fit[condition].add(bucket);
  }

  async function putOnly(path: string, bytes: Uint8Array, only: NonNullable<Condition["only"]>): Promise<boolean> {
    await mustBeFit(only === "absent" ? "names" : "tags");
    const key = keyOf(path);
    const mark = randomUUID();
    const put = await tried(`writing ${at(path)}`, () => bucket.put(key, bytes, { only, mark }));
    if ("done" in put) return true;
    // refused: by our own object too, where an earlier try arrived and its answer did not
    const holder = await tried(`reading ${at(path)}`, () => bucket.mark(key));
    return "done" in holder && holder.done === mark;
  }

  async function* all(folder: string) {
    const below = folder === "." ? keyOf("") : `${keyOf(folder)}/`;
    let from: string | undefined;
    do {
      const begin = from;
      const page: Outcome<Listed> = await tried(`listing ${at(folder)}`, () => bucket.list(below, begin));
      if ("refused" in page) return;
      for (const { key, modifiedAt } of page.done.keys) yield { name: key.slice(below.length), modifiedAt };
      from = page.done.next;
    } while (from !== undefined);
  }

  async function collect<T>(folder: string, of: (found: { name: string; modifiedAt: number }) => T): Promise<T[]> {
    const found: T[] = [];
    for await (const each of all(folder)) found.push(of(each));
    return found;
  }

  return {
    name,
    read: async (path) => {
      const found = await tried(`reading ${at(path)}`, () => bucket.get(keyOf(path)));
      if ("refused" in found) throw new AppError("FILE_MISSING", { path: at(path) });
      return found.done.bytes;
    },
    put: async (path, bytes) => {
      const put = await tried(`writing ${at(path)}`, () => bucket.put(keyOf(path), bytes, {}));
      if ("refused" in put) throw new AppError("BUCKET_MISSING", { what: `nothing can be written to ${at(path)}` });
    },
    putIfAbsent: (path, bytes) => putOnly(path, bytes, "absent"),
    find: async (path) => {
      const found = await tried(`reading ${at(path)}`, () => bucket.get(keyOf(path)));
      return "refused" in found ? null : found.done;
    },
    swap: (path, bytes, tag) => putOnly(path, bytes, tag === null ? "absent" : { tag }),
    list: async (folder) =>
      (await collect(folder, (found) => found.name)).filter((each) => !each.startsWith(".")).sort(),
    leftovers: (folder) =>
      collect(folder, (found) => ({
        path: folder === "." ? found.name : `${folder}/${found.name}`,
        modifiedAt: found.modifiedAt,
      })),
    remove: async (path) => {
      await tried(`deleting ${at(path)}`, () => bucket.remove(keyOf(path)));
    },
    mustBeFit: () => mustBeFit(),
  };
}
