// What the operator hands in: a file, or stdin, as text.
import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { AppError } from "../../../shared/errors/errors.ts";
import { textIn } from "../../../shared/runtime/printable.ts";

/**
 * `-` and undefined are stdin. Throws FILE_MISSING; LETTERS_REFUSED when it is no UTF-8: a name read half would be
 * another name.
 */
export async function readInput(file: string | undefined, say: (text: string) => void): Promise<string> {
  if (process.stdin.isTTY && (file ?? "-") === "-") say("reading letters from the terminal; Ctrl-D ends them");
  const bytes = file === undefined || file === "-" ? await buffer(process.stdin) : await fileBytes(file);
  const text = textIn(bytes);
  if (text === null) throw new AppError("LETTERS_REFUSED", { what: "the input is no UTF-8" });
  return text;
}

async function fileBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw new AppError("FILE_MISSING", { path }, { cause: error });
    throw error;
  }
}
