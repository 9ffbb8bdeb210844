// Where a table, models or a run lie, as a flag says it: read here and nowhere else. Known are a folder of this
// machine, as a path or as file:///PATH. Any other address is refused, or a folder of its name would be made in the
// working directory.
import { fileURLToPath } from "node:url";
import { z } from "zod";

/** Two slashes after any scheme, or one after a scheme that somebody may mean: a folder's name may hold a colon. */
const address =
  /^(?:[a-z][a-z0-9+.-]*:\/\/|(?:s3[an]?|gs|gcs|abfss?|wasbs?|adl|az|azure|hdfs|webhdfs|viewfs|dbfs|file|oss|r2|https?):\/)/i;
const here = "a path, or file:///PATH";

export const isAddress = (text: string): boolean => address.test(text);

/** A folder of this machine; as its path. */
export const folder = () =>
  read("folder", (text) => localPath(text, `only folders of this machine are known: ${here}`));
/** A file of this machine; as its path. */
export const file = () => read("file", (text) => localPath(text, `only files of this machine are known: ${here}`));

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
