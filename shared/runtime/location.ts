// Where a table, models or a run lie, as a flag says it: read here and nowhere else. Known are a folder of this
// machine, as a path or as file:///PATH, and where a flag allows it a place in an object store, s3://BUCKET/PREFIX. Any
// other address is refused, or a folder of its name would be made in the working directory.
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

/** Two slashes after any scheme, or one after a scheme that somebody may mean: a folder's name may hold a colon. */
const address =
  /^(?:[a-z][a-z0-9+.-]*:\/\/|(?:s3[an]?|gs|gcs|abfss?|wasbs?|adl|az|azure|hdfs|webhdfs|viewfs|dbfs|file|oss|r2|https?):\/)/i;
const S3 = "s3://";
const here = "a path, or file:///PATH";
const anywhere = `${here}, or s3://BUCKET/PREFIX`;

export const isAddress = (text: string): boolean => address.test(text);
export const isInStore = (location: string): boolean => location.startsWith(S3);

/** A folder of this machine; as its path. */
export const folder = () =>
  read("folder", (text) => localPath(text, `only folders of this machine are known: ${here}`));
/** A file of this machine; as its path. */
export const file = () => read("file", (text) => localPath(text, `only files of this machine are known: ${here}`));
/** A folder of this machine, as its path, or a place in an object store, as s3://BUCKET/PREFIX without a last slash. */
export const location = () =>
  read("folder", (text) => (isInStore(text) ? inStore(text) : localPath(text, `known are ${anywhere}`)));

interface Refused {
  readonly refused: string;
}

function read(kind: "folder" | "file", parse: (text: string) => string | Refused) {
  return z.string().transform((text, context) => {
    const place = text.trim() === "" ? { refused: `names none of this machine's ${kind}s` } : parse(text);
    if (typeof place === "string") return place;
    context.addIssue({ code: "custom", message: place.refused });
    return z.NEVER;
  });
}

function localPath(text: string, known: string): string | Refused {
  if (!isAddress(text)) return text;
  if (!text.startsWith("file:///")) return { refused: known };
  try {
    return fileURLToPath(text.replaceAll("?", "%3F").replaceAll("#", "%23"));
  } catch {
    return { refused: "its percent signs stand for no path" };
  }
}

/** Other readers take such an address apart as a URL: what would mean another place to them is refused. */
function inStore(text: string): string | Refused {
  const [bucket = "", ...path] = text.slice(S3.length).replace(/\/+$/, "").split("/");
  const prefix = path.join("/");
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) || bucket.includes(".."))
    return { refused: `"${bucket}" is no bucket's name, as in s3://BUCKET/PREFIX` };
  if (path.some((name) => name === "" || name === "." || name === ".."))
    return { refused: "an empty name, . or .. within it" };
  const stranger = /[^\p{L}\p{N}!$&'()*+,\-./:;=@_~]/u.exec(prefix)?.[0];
  if (stranger !== undefined) return { refused: `${JSON.stringify(stranger)} may not stand in it` };
  return prefix === "" ? S3 + bucket : `${S3}${bucket}/${prefix}`;
}

/** A place below another one. */
export const within = (place: string, ...names: readonly string[]): string =>
  isInStore(place) ? [place, ...names].join("/") : join(place, ...names);

/** The same for whoever runs in another working directory. */
export const absolute = (place: string): string => (isInStore(place) ? place : resolve(place));

/** Bucket and prefix, "" where it is the whole bucket. */
export function bucketOf(place: string): { readonly bucket: string; readonly prefix: string } {
  const [bucket, ...path] = place.slice(S3.length).split("/");
  return { bucket: bucket!, prefix: path.join("/") };
}
