// Whether a server keeps the conditions that all rests on: one that takes a second object under a name that is taken,
// or answers what was there before, would lose commits in silence. Asked before the first commit, with an object of our
// own.
import { AppError } from "../../errors/errors.ts";
import type { Bucket } from "./bucket.ts";
import type { Try } from "./tries.ts";

const [first, second] = ["first", "second"].map((text) => new TextEncoder().encode(text)) as [Uint8Array, Uint8Array];

/** Each kind of condition by itself: a table needs no tags, and some servers keep names alone. */
export type Condition = "names" | "tags";

/** Throws STORE_UNFIT, and whatever a request is refused with. */
export async function mustKeep(
  condition: Condition,
  bucket: Bucket,
  tried: Try,
  { name, key }: { readonly name: string; readonly key: string },
): Promise<void> {
  const doing = `trying conditions in ${name}`;
  const unfit = (what: string) => new AppError("STORE_UNFIT", { what: `this object store ${what}`, store: name });
  try {
    const tag = await tried(doing, () => bucket.put(key, first, { only: "absent" }));
    if ("refused" in tag && tag.refused === "absent")
      throw new AppError("BUCKET_MISSING", { what: `nothing can be written to ${name}` });
    const only = condition === "names" ? "absent" : { tag: `"${"0".repeat(32)}"` };
    const again = await tried(doing, () => bucket.put(key, second, { only }));
    if ("done" in again)
      throw unfit(
        condition === "names"
          ? "ignores If-None-Match: of two who write one name both are told that they did"
          : "ignores If-Match: of two who move a pointer both are told that they did",
      );
    const found = await tried(doing, () => bucket.get(key));
    if ("refused" in found) throw unfit("does not show at once what was written");
    if (!Buffer.from(found.done.bytes).equals(first)) throw unfit("changes what was written though it refused to");
  } finally {
    await tried(doing, () => bucket.remove(key)).catch(() => undefined); // vacuum takes it
  }
}
