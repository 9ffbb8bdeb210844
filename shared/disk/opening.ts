// The first look at a file that the user names: what it is by its first bytes, or why it cannot be opened.
import { open, stat } from "node:fs/promises";
import { AppError } from "../errors/errors.ts";

export interface FileFacts {
  readonly size: number;
  readonly mtimeMs: number;
  /** Its first four bytes, or what there is of them. */
  readonly beginning: Buffer;
}

/** A pipe is not opened: what was read of it would be gone. Throws FILE_MISSING, FILE_UNREADABLE. */
export async function factsOf(path: string): Promise<FileFacts> {
  try {
    const facts = await stat(path);
    if (!facts.isFile() && !facts.isDirectory()) return { size: 0, mtimeMs: facts.mtimeMs, beginning: Buffer.alloc(0) };
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
  if (code === "ENOENT" || code === "ENOTDIR") return new AppError("FILE_MISSING", { path }, { cause: error });
  if (code === "EISDIR") return new AppError("FILE_UNREADABLE", { what: "this is a folder", path }, { cause: error });
  // A name too long, a loop of links, a disk that cannot be read: all are the file's.
  if (!(error instanceof AppError) && /^E[A-Z]+$/.test(code ?? ""))
    return new AppError("FILE_UNREADABLE", { what: (error as Error).message, path }, { cause: error });
  return error;
}
