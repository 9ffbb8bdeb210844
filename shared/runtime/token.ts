// The secret that a peer must show, from a file: never from a flag, where every user of the machine could read it.
import { readFileSync } from "node:fs";
import { AppError } from "./errors.ts";

/** Undefined without a file. Throws FILE_MISSING; USAGE when the file is empty. */
export function readToken(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  let token: string;
  try {
    token = readFileSync(path, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw new AppError("FILE_MISSING", { what: "no such file", path }, { cause: error });
    throw error;
  }
  if (token === "") throw new AppError("USAGE", { what: "--token-file is empty", path });
  return token;
}
