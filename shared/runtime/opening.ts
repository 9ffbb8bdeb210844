// The first look at a file that the user names: what it is by its first bytes, or why it cannot be opened.
import { open } from "node:fs/promises";
import { AppError } from "./errors.ts";

export interface FileFacts {
  readonly size: number;
  readonly mtimeMs: number;
  /** Its first four bytes, or what there is of them. */
  readonly beginning: Buffer;
}

/** Throws FILE_MISSING, FILE_UNREADABLE. */
export async function factsOf(path: string): Promise<FileFacts> {
  try {
    const file = await open(path);
    try {
      const { size, mtimeMs } = await file.stat();
      const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
      return { size, mtimeMs, beginning: buffer.subarray(0, bytesRead) };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw openError(error, path);
  }
}

/** An error of the operating system as one that names the file; any other as it is. */
export function openError(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return new AppError("FILE_MISSING", { path }, { cause: error });
  if (code === "EISDIR") return new AppError("FILE_UNREADABLE", { what: "this is a folder", path }, { cause: error });
  return error;
}
