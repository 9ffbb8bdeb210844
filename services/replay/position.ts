// How far a stream was acknowledged, in one small file: a stopped replay, even a killed one, goes on from there.
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  write,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import type { Patience } from "../../shared/runtime/patience.ts";

const saved = z.object({
  identity: z.string(),
  position: z.number().int().nonnegative(),
  memory: z.record(z.string(), z.number()),
});

export interface PositionFile {
  /** What was saved; null when this stream was never begun here. */
  readonly found: { readonly position: number; readonly memory: Readonly<Record<string, number>> } | null;
  save(position: number, memory: Readonly<Record<string, number>>): void | Promise<void>;
}

/**
 * No more than a chunk is sent before a position is kept: with a full disk it waits, or a kill would send all since
 * then twice.
 */
export const patiently = ({ found, save }: PositionFile, { through }: Patience): PositionFile => ({
  found,
  save: (position, memory) => through("the position cannot be written", () => save(position, memory)),
});

/** `identity` names stream and topic. */
export function positionFile(folder: string, identity: string): PositionFile {
  const file = join(folder, `${createHash("sha256").update(identity).digest("hex").slice(0, 16)}.json`);
  /** The file that is there, of so many bytes; -1: none that is ours. */
  let [descriptor, room] = [-1, 0];
  return {
    found: read(file, identity),
    save: (position, memory) => {
      const text = JSON.stringify({ identity, position, memory });
      const size = Buffer.byteLength(text);
      const isFirst = descriptor < 0 || size > room || !existsSync(file);
      const bytes = Buffer.alloc(isFirst ? size + SPARE : room, " ");
      bytes.write(text);
      // as many bytes in one write, which a kill does not cut in two: to rename a file, or to wait for the disk here,
      // takes as long as sending a chunk
      if (!isFirst) return promisify(write)(descriptor, bytes, 0, bytes.length, 0).then(() => undefined);
      mkdirSync(folder, { recursive: true });
      writeFileSync(`${file}.tmp`, bytes);
      renameSync(`${file}.tmp`, file);
      const before = descriptor;
      descriptor = -1; // whatever fails from here on: the next save begins anew
      if (before >= 0) closeSync(before);
      descriptor = openSync(file, "r+"); // until the process ends
      room = bytes.length;
    },
  };
}

/** For more figures of the numbers. */
const SPARE = 64;

/**
 * Whether a release that knew files by their size and time has kept a position of this one: it says nothing of the
 * rows, so it cannot be gone on with.
 */
export function wasSentBefore(folder: string, path: string, topic: string): boolean {
  const before = `${path} `;
  return (
    existsSync(folder) && readdirSync(folder).some((name) => name.endsWith(".json") && isOfOld(join(folder, name)))
  );

  function isOfOld(file: string): boolean {
    try {
      const { identity } = saved.parse(JSON.parse(readFileSync(file, "utf8")));
      return (
        identity.startsWith(before) &&
        /^\d+ \d+$/.test(identity.slice(before.length, -` to ${topic}`.length)) &&
        identity.endsWith(` to ${topic}`)
      );
    } catch {
      return false; // none of ours, or half written
    }
  }
}

function read(file: string, identity: string): PositionFile["found"] {
  try {
    const parsed = saved.safeParse(JSON.parse(readFileSync(file, "utf8")));
    return parsed.success && parsed.data.identity === identity ? parsed.data : null;
  } catch {
    return null; // none yet
  }
}
