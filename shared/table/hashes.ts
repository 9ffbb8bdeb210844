// The hashes by which a reader knows that bytes are those that were committed: of a data file, in the log; of a log
// entry, in itself. Pure.
import { createHash } from "node:crypto";

/** Among the tags of an add, which Delta leaves to writers and readers pass over. */
const SHA256 = "tributary.sha256";
export const tagsOf = (sha256: string | undefined) => (sha256 === undefined ? {} : { tags: { [SHA256]: sha256 } });
export const sha256In = (tags: Readonly<Record<string, unknown>> | null | undefined): string | undefined => {
  const found = tags?.[SHA256];
  return typeof found === "string" ? found : undefined;
};
export const sha256Of = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");

/**
 * Entries of this engine hold a hash of themselves: of the text in which the hash is empty. By either of the two a
 * reader knows, so that no flipped bit hides both; a field of that name alone may be another writer's.
 */
export const ENGINE = "Tributary/2";
const SEAL = /^(\{"commitInfo":\{.*"actions":\d+,"sha256":")([^"\n]*)/;
export const sealed = (text: string): string => text.replace(SEAL, `$1${sha256Of(text.trimEnd())}`);

/** What is wrong with an entry of ours; undefined also for entries of other writers. */
export function sealProblem(text: string): string | undefined {
  const seal = SEAL.exec(text);
  if (!seal) return text.includes(`"engineInfo":"${ENGINE}"`) ? "the log entry has lost its hash" : undefined;
  return sha256Of(text.replace(SEAL, "$1").trimEnd()) === seal[2]
    ? undefined
    : "the log entry is not what was committed: its hash is another";
}
