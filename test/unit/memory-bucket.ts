// A bucket in memory: one request is atomic, as a server's is, and any may be refused, lose its answer, or arrive late.
import { createHash } from "node:crypto";
import type { Bucket } from "../../shared/storage/s3/bucket.ts";

export type Fault =
  | "none"
  | "refused"
  /** Done, and its answer lost. */
  | "answer lost"
  /** Given up by who sent it, and done after the next request. */
  | "late";

export interface MemoryBucket extends Bucket {
  readonly objects: Map<string, { readonly bytes: Uint8Array; readonly mark: string | undefined }>;
}

const tagOf = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");
const answer = (name: string, httpStatusCode: number) =>
  Object.assign(new Error(name), { name, $metadata: { httpStatusCode } });

/** `turn` is awaited before each request; `page` keys are listed at once. */
export function memoryBucket(
  faultOf: (request: string) => Fault = () => "none",
  turn: () => Promise<unknown> = () => Promise.resolve(),
  page = 3,
): MemoryBucket {
  const objects: MemoryBucket["objects"] = new Map();
  let late: (() => void)[] = [];

  async function request<T>(name: string, work: () => T): Promise<T> {
    await turn();
    const fault = faultOf(name);
    const due = late;
    late = [];
    const quietly = () => {
      try {
        work();
      } catch {
        // nobody hears the answer
      }
    };
    try {
      if (fault === "none") return work();
      if (fault === "refused") throw answer("SlowDown", 503);
      if (fault === "answer lost") quietly();
      else late.push(quietly);
      throw Object.assign(new Error("cut off"), { code: "ECONNRESET" });
    } finally {
      for (const each of due) each();
    }
  }

  const held = (key: string) => {
    const found = objects.get(key);
    if (!found) throw answer("NoSuchKey", 404);
    return found;
  };

  return {
    objects,
    get: (key) => request("get", () => ({ bytes: held(key).bytes, tag: tagOf(held(key).bytes) })),
    put: (key, bytes, { only, mark }) =>
      request("put", () => {
        const isMet = only === "absent" ? !objects.has(key) : !only || tagOf(held(key).bytes) === only.tag;
        if (!isMet) throw answer("PreconditionFailed", 412);
        objects.set(key, { bytes: Uint8Array.from(bytes), mark });
      }),
    mark: (key) => request("mark", () => held(key).mark),
    remove: (key) => request("remove", () => void objects.delete(key)),
    list: (prefix, from) =>
      request("list", () => {
        const all = [...objects.keys()]
          .filter((key) => key.startsWith(prefix) && !key.slice(prefix.length).includes("/"))
          .sort()
          .filter((key) => from === undefined || key > from);
        const keys = all.slice(0, page).map((key) => ({ key, modifiedAt: 0 }));
        return { keys, next: all.length > page ? keys.at(-1)!.key : undefined };
      }),
    renew: () => undefined,
  };
}
