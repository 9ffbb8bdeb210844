// Where a table, models or a run lie, as a flag says it: read here and nowhere else. Folders and files of this machine
// are what is known; an address (s3://...) is refused, or a folder of its name would be made in the working directory.
// What reads other places begins here.
import { z } from "zod";

/** Two slashes after any scheme, or one after a scheme that somebody may mean: a folder's name may hold a colon. */
const address =
  /^(?:[a-z][a-z0-9+.-]*:\/\/|(?:s3[an]?|gs|gcs|abfss?|wasbs?|adl|az|azure|hdfs|webhdfs|viewfs|dbfs|file|oss|r2|https?):\/)/i;

export const isAddress = (text: string): boolean => address.test(text);

export const folder = (): z.ZodString => local("folders");
export const file = (): z.ZodString => local("files");

function local(kind: "folders" | "files"): z.ZodString {
  return z.string().check((context) => {
    const { value: text } = context;
    const refuse = (message: string) => context.issues.push({ code: "custom", message, input: text });
    if (text.trim() === "") refuse(`names none of this machine's ${kind}`);
    else if (isAddress(text))
      refuse(`only ${kind} of this machine are known, no addresses: give a path (a mounted one does)`);
  });
}
