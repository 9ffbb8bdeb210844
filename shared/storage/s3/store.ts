// A prefix of a bucket as a store. Of all who put the same key if it is absent one is told that it was it, also where
// answers get lost and come twice: each leaves a mark beside its object, and who is refused looks whose stands there.
import { randomUUID } from "node:crypto";
import { AppError } from "../../errors/errors.ts";
import type { Store } from "../store.ts";
import type { Bucket, Listed } from "./bucket.ts";
import { mustKeepConditions } from "./conditions.ts";
import { type Counts, type Outcome, type Try, trying, type World } from "./tries.ts";

/** Buckets that keep conditions. */
const fit = new WeakSet<Bucket>();

interface Place {
  /** s3://BUCKET/PREFIX */
  readonly name: string;
  /** "" where it is the whole bucket. */
  readonly prefix: string;
}

export function s3Store({ name, prefix }: Place, bucket: Bucket, counts: Counts, world?: World): Store {
  const tried: Try = trying(bucket, counts, world);
  const keyOf = (path: string) => (prefix === "" ? path : `${prefix}/${path}`);
  const at = (path: string) => `${name}/${path}`;

  /** Once for each bucket; again where it could not be told. */
  async function proven(): Promise<void> {
    if (fit.has(bucket)) return;
    await mustKeepConditions(bucket, tried, name, keyOf(`_probe-${randomUUID()}`));
    fit.add(bucket);
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
      return found.done;
    },
    put: async (path, bytes) => {
      const put = await tried(`writing ${at(path)}`, () => bucket.put(keyOf(path), bytes, {}));
      if ("refused" in put) throw new AppError("BUCKET_MISSING", { what: `nothing can be written to ${at(path)}` });
    },
    putIfAbsent: async (path, bytes) => {
      await proven();
      const key = keyOf(path);
      const mark = randomUUID();
      const put = await tried(`writing ${at(path)}`, () => bucket.put(key, bytes, { only: "absent", mark }));
      if ("done" in put) return true;
      // refused: by our own object too, where an earlier try arrived and its answer did not
      const holder = await tried(`reading ${at(path)}`, () => bucket.mark(key));
      return "done" in holder && holder.done === mark;
    },
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
    mustBeFit: proven,
  };
}
