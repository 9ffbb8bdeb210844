// Parts of a run's state that stay the same from one checkpoint to the next: Adam's moments of a half that does not
// move, old posteriors of users that no step asked again. Each is a file of its own beside the checkpoints, named by
// what it holds and never changed, which every checkpoint that it is a part of names. Below checkpoints.ts.
import { join } from "node:path";
import { z } from "zod";
import { joined } from "../compute/pieces.ts";
import type { Tensor, Weights } from "../neural/parameters.ts";
import { encodeSafetensors } from "../neural/safetensors.ts";
import type { Disk } from "./disk.ts";
import { readTensors, writeFile } from "./files.ts";

/** One part, under a name that its successors have too. */
export interface Piece {
  readonly name: string;
  /** Another number after each change of the tensors, in this process. */
  readonly revision: number;
  /** Absent: as when the same writer was last given this revision. */
  readonly tensors?: Weights | undefined;
}

/** How a manifest names one. */
export const pieceSchema = z.object({
  name: z.string().describe("what it is a part of, such as `adam.encoder` or `posteriors.0`"),
  file: z
    .string()
    .regex(/^[\w.-]+\.safetensors$/)
    .describe("in the folder `pieces` beside the checkpoints"),
  sha256: z.string().describe("of the file"),
});
export type NamedPiece = z.output<typeof pieceSchema>;

/** What a writer knows of the pieces that it has written: by name, the newest. Empty at first. */
export type Known = Map<string, NamedPiece & { readonly revision: number }>;

export const folderOf = (root: string) => join(root, "pieces");

/**
 * Durable when it returns, and named in the order of the pieces. What is known at its revision costs no write. Throws
 * where a piece without tensors is not.
 */
export async function writePieces(
  disk: Disk,
  root: string,
  pieces: readonly Piece[],
  known: Known,
): Promise<NamedPiece[]> {
  if (pieces.length === 0) return [];
  const folder = folderOf(root);
  if (await disk.makeFolder(folder)) await disk.sync(root);
  const there = new Set(await disk.list(folder));
  for (const half of [...there].filter((name) => name.startsWith("."))) await disk.remove(join(folder, half));
  let isNew = false;
  const named: NamedPiece[] = [];
  for (const { name, revision, tensors } of pieces) {
    const before = known.get(name);
    if (before?.revision === revision && there.has(before.file)) {
      named.push({ name, file: before.file, sha256: before.sha256 });
      continue;
    }
    if (!tensors) throw new Error(`piece ${name} is not where it was written`);
    const aside = join(folder, `.${name}`);
    const sha256 = await writeFile(disk, aside, encodeSafetensors(tensors));
    // One of that name that another process has left is the same, unless the disk has spoilt it since.
    const file = `${name}.${sha256.slice(0, 32)}.safetensors`;
    await disk.rename(aside, join(folder, file));
    isNew = true;
    known.set(name, { name, file, sha256, revision });
    named.push({ name, file, sha256 });
  }
  if (isNew) await disk.sync(folder);
  return named;
}

/**
 * All tensors of the pieces, in memory that a thread can read; rows of one name follow each other. Throws
 * CHECKPOINT_MISSING, or CHECKPOINT_CORRUPT where a file is not the one that was named.
 */
export async function readPieces(root: string, named: readonly NamedPiece[]): Promise<Weights> {
  const read: Weights[] = [];
  for (const { file, sha256 } of named) read.push(await readTensors(join(folderOf(root), file), sha256, shared));
  return assembled(read);
}

const shared = (floats: number) => new Float32Array(new SharedArrayBuffer(4 * floats));

/** Tensors of one name as one, row after row, without a copy until its `data` is looked at. */
export function assembled(all: readonly Weights[]): Weights {
  const parts = new Map<string, Tensor[]>();
  for (const weights of all)
    for (const [name, tensor] of Object.entries(weights)) parts.set(name, [...(parts.get(name) ?? []), tensor]);
  return Object.fromEntries([...parts].map(([name, tensors]) => [name, rowAfterRow(tensors)]));
}

function rowAfterRow(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors;
  if (tensors.length === 1) return first!;
  const rows = tensors.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const pieces = tensors.map(({ data }) => data);
  return {
    shape: [rows, ...first!.shape.slice(1)],
    pieces,
    get data() {
      return joined(new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0)), pieces);
    },
  };
}

/** Deletes the pieces that none of these names: those of checkpoints that are gone, and of such as never came to be. */
export async function forgetPieces(disk: Disk, root: string, named: Iterable<NamedPiece>): Promise<void> {
  const needed = new Set([...named].map(({ file }) => file));
  const folder = folderOf(root);
  for (const name of await disk.list(folder)) if (!needed.has(name)) await disk.remove(join(folder, name));
}
