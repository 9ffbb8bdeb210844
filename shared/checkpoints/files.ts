// Files of a checkpoint: written in pieces, flushed, hashed on the way; read in pieces, and trusted only when lengths
// and hash fit. Below checkpoints.ts and weights.ts.
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { AppError } from "../errors/errors.ts";
import type { Weights } from "../neural/parameters.ts";
import { decodeSafetensors, type Room } from "../neural/safetensors.ts";
import type { Disk } from "./disk.ts";

const PIECE_BYTES = 1 << 20;

/** A new file, durable when it returns. Its SHA-256. */
export async function writeFile(disk: Disk, path: string, pieces: Iterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for (const piece of gathered(pieces)) {
    const written = disk.append(path, piece);
    hash.update(piece); // while the disk takes it
    await written;
  }
  await disk.sync(path);
  return hash.digest("hex");
}

/** A model has many small tensors: what is less than so much is written with what follows it. */
const GATHERED = 1 << 20;

function* gathered(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    if (bytes > 0 && bytes + piece.length > GATHERED) {
      yield Buffer.concat(waiting);
      [waiting, bytes] = [[], 0];
    }
    if (piece.length >= GATHERED) yield piece;
    else {
      waiting.push(piece);
      bytes += piece.length;
    }
  }
  if (bytes > 0) yield Buffer.concat(waiting);
}

/**
 * The tensors of a safetensors file, in memory that `room` gives. Throws CHECKPOINT_MISSING, or CHECKPOINT_CORRUPT when
 * its lengths or its hash do not fit.
 */
export async function readTensors(path: string, sha256?: string, room?: Room): Promise<Weights> {
  return reading(path, async (file) => {
    const hash = createHash("sha256");
    const { size } = await file.stat();
    const weights = await decodeSafetensors(
      size,
      async (into) => {
        await fill(file, into);
        hash.update(into);
      },
      { room },
    );
    mustBe(sha256, hash.digest("hex"));
    return weights;
  });
}

/** Of a file of any size. Throws CHECKPOINT_MISSING or CHECKPOINT_CORRUPT. */
export async function checkHash(path: string, sha256: string): Promise<void> {
  await reading(path, async (file) => {
    const hash = createHash("sha256");
    const piece = new Uint8Array(PIECE_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, piece.length);
      if (bytesRead === 0) break;
      hash.update(piece.subarray(0, bytesRead));
    }
    mustBe(sha256, hash.digest("hex"));
  });
}

/** A small file. Throws CHECKPOINT_MISSING or CHECKPOINT_CORRUPT. */
export async function readText(path: string, sha256?: string): Promise<string> {
  return reading(path, async (file) => {
    const bytes = await file.readFile();
    mustBe(sha256, createHash("sha256").update(bytes).digest("hex"));
    return bytes.toString("utf8");
  });
}

/** What goes wrong with the file is told with its path. */
async function reading<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR")
      throw new AppError("CHECKPOINT_MISSING", { what: "no such file", path }, { cause: error });
    throw error;
  });
  try {
    return await work(file);
  } catch (error) {
    throw error instanceof AppError ? new AppError(error.code, { ...error.facts, path }, { cause: error }) : error;
  } finally {
    await file.close();
  }
}

async function fill(file: FileHandle, into: Uint8Array): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await file.read(into, done, into.length - done);
    if (bytesRead === 0)
      throw new AppError("CHECKPOINT_CORRUPT", { what: "the file became shorter while it was read" });
    done += bytesRead;
  }
}

function mustBe(wanted: string | undefined, found: string): void {
  if (wanted !== undefined && wanted !== found)
    throw new AppError("CHECKPOINT_CORRUPT", { what: "the file is not the one that the manifest names (sha256)" });
}
