// A file or a pipe as bytes, unpacked by what it is and not by its name. A file can be read again and again, by one
// descriptor, so that another put in its place is not mixed with it; a pipe once.
import { close, createReadStream, fstatSync, openSync, read, statSync } from "node:fs";
import { promisify } from "node:util";
import { openError } from "../disk/opening.ts";
import { AppError } from "../errors/errors.ts";
import type { Bytes } from "./kinds.ts";
import { BEGINNING, kindOf } from "./kinds.ts";
import { unpacked } from "./packing.ts";
import { memberOf } from "./zip.ts";

export interface ByteFile {
  readonly path: string;
  /** Cannot be read from the beginning again. */
  readonly isPipe: boolean;
  /** What it begins with, unpacked: up to 1 MiB. `isAll`: nothing follows. */
  readonly beginning: Uint8Array;
  readonly isAll: boolean;
  /** From the first byte, unpacked. Throws FILE_UNREADABLE. */
  bytes(): Bytes;
  /** Share of the file that the last reading has behind it, 0..1; null for a pipe. */
  fraction(): number | null;
  close(): void;
}

const SAMPLE = 1 << 20;
const PIECE = 1 << 20;
/** A pipe may bring a row now and then: one does not wait for a MiB of them. */
const PATIENCE_MS = 1000;
/** A gzip in a zip. */
const LAYERS = 3;

export const isStandardInput = (path: string) =>
  path === "-" || path === "/dev/stdin" || path === "/dev/fd/0" || path === "/proc/self/fd/0";

/** `member` names a file of an archive that holds several. Throws FILE_MISSING, FILE_UNREADABLE. */
export async function openBytes(path: string, member?: string): Promise<ByteFile> {
  let file = await opened(path);
  for (let layer = 0; layer < LAYERS; layer++) {
    const kind = kindOf(file.beginning.subarray(0, BEGINNING));
    if (kind.is === "text") return file;
    if (kind.is === "other")
      throw new AppError("FILE_UNREADABLE", { what: `this is ${kind.what}: ${kind.help}`, path });
    if (kind.is === "parquet")
      throw new AppError("FILE_UNREADABLE", {
        what: "a Parquet file is read from its end: unpack it, or write it to a file first",
        path,
      });
    file = kind.by === "zip" ? await withMember(file, member) : await within(file, kind.by, unpacked[kind.by]);
  }
  throw new AppError("FILE_UNREADABLE", { what: `packed more than ${LAYERS} times: unpack it first`, path });
}

interface Handle extends ByteFile {
  /** Null for a pipe. */
  readonly descriptor: number | null;
}

async function opened(path: string): Promise<Handle> {
  if (isStandardInput(path)) return pipe(path, process.stdin);
  try {
    const facts = statSync(path);
    if (facts.isDirectory()) throw new AppError("FILE_UNREADABLE", { what: "this is a folder", path });
    if (!facts.isFile()) return await pipe(path, createReadStream(path, { highWaterMark: PIECE }));
    return await regular(path, openSync(path, "r"));
  } catch (error) {
    throw openError(error, path);
  }
}

async function regular(path: string, descriptor: number): Promise<Handle> {
  const { size } = fstatSync(descriptor);
  let position = 0;
  async function* bytes(): Bytes {
    for (position = 0; ; ) {
      const piece = Buffer.allocUnsafe(PIECE);
      const { bytesRead } = await promisify(read)(descriptor, piece, 0, PIECE, position).catch((error: unknown) => {
        throw openError(error, path);
      });
      if (bytesRead === 0) break;
      position += bytesRead;
      yield piece.subarray(0, bytesRead);
    }
    if (position < size)
      throw new AppError("FILE_UNREADABLE", {
        what: `it was cut to ${position} of ${size} bytes while it was read`,
        path,
      });
  }
  const fraction = () => Math.min(1, position / Math.max(1, size));
  return { path, descriptor, isPipe: false, ...(await peeked(bytes)), bytes, fraction, close: () => close(descriptor) };
}

async function pipe(path: string, stream: AsyncIterable<Uint8Array>): Promise<Handle> {
  const { beginning, isAll, bytes } = await split(stream, PATIENCE_MS);
  return {
    path,
    descriptor: null,
    isPipe: true,
    beginning,
    isAll,
    bytes,
    fraction: () => null,
    close: () => undefined,
  };
}

/** The same file with `unpack` between. */
async function within(file: Handle, name: string, unpack: (bytes: Bytes) => Bytes): Promise<Handle> {
  async function* bytes(): Bytes {
    try {
      yield* unpack(file.bytes());
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError(
        "FILE_UNREADABLE",
        { what: `${name}: ${(error as Error).message}`, path: file.path },
        { cause: error },
      );
    }
  }
  if (!file.isPipe) return { ...file, ...(await peeked(bytes)), bytes };
  return { ...file, ...(await split(bytes(), PATIENCE_MS)) };
}

async function withMember(file: Handle, member: string | undefined): Promise<Handle> {
  const { path, descriptor } = file;
  if (descriptor === null)
    throw new AppError("FILE_UNREADABLE", {
      what: "a zip archive is read from its end: write it to a file first",
      path,
    });
  const open = await memberOf(descriptor, path, member);
  return await within(file, "zip", open);
}

/** What a file begins with. A fault behind its first bytes comes again when it is read. */
async function peeked(bytes: () => Bytes): Promise<Pick<ByteFile, "beginning" | "isAll">> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const piece of bytes()) {
      pieces.push(piece);
      length += piece.length;
      if (length >= SAMPLE) return { beginning: Buffer.concat(pieces), isAll: false };
    }
  } catch (error) {
    if (length === 0) throw error;
    return { beginning: Buffer.concat(pieces), isAll: false };
  }
  return { beginning: Buffer.concat(pieces), isAll: true };
}

/** What a stream begins with, and all of it, that included. */
async function split(
  stream: AsyncIterable<Uint8Array>,
  patience: number,
): Promise<Pick<ByteFile, "beginning" | "isAll" | "bytes">> {
  const iterator = stream[Symbol.asyncIterator]();
  const pieces: Uint8Array[] = [];
  let length = 0;
  let next = iterator.next();
  let isAll = false;
  const late = new Promise<"late">((resolve) => setTimeout(resolve, patience, "late").unref());
  while (length < SAMPLE && !isAll) {
    // Whoever has nothing yet waits for as long as it takes.
    const found = await (length === 0 ? next : Promise.race([next, late]));
    if (found === "late") break;
    if (found.done) isAll = true;
    else {
      pieces.push(found.value);
      length += found.value.length;
      next = iterator.next();
      next.catch(() => undefined); // told when it is awaited
    }
  }
  const beginning = Buffer.concat(pieces);
  async function* bytes(): Bytes {
    if (beginning.length > 0) yield beginning;
    for (let found = await next; !found.done; found = await iterator.next()) yield found.value;
  }
  return { beginning, isAll, bytes };
}
