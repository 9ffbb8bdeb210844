// How far a stream was acknowledged, in one small file: a stopped replay, even a killed one, goes on from there.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const saved = z.object({ identity: z.string(), position: z.number().int().nonnegative(), memory: z.record(z.string(), z.number()) });

export interface PositionFile {
  /** What was saved; null when this stream was never begun here. */
  readonly found: { readonly position: number; readonly memory: Readonly<Record<string, number>> } | null;
  save(position: number, memory: Readonly<Record<string, number>>): void;
}

/** `identity` names stream and topic. */
export function positionFile(folder: string, identity: string): PositionFile {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${createHash("sha256").update(identity).digest("hex").slice(0, 16)}.json`);
  return {
    found: read(file, identity),
    save: (position, memory) => {
      writeFileSync(`${file}.tmp`, JSON.stringify({ identity, position, memory }));
      renameSync(`${file}.tmp`, file);
    },
  };
}

function read(file: string, identity: string): PositionFile["found"] {
  try {
    const parsed = saved.safeParse(JSON.parse(readFileSync(file, "utf8")));
    return parsed.success && parsed.data.identity === identity ? parsed.data : null;
  } catch {
    return null; // none yet
  }
}
