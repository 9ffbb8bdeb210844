// A disk of the soak's own, in memory, which can be full: it takes root to mount one. Without it the data lie in an
// ordinary folder.
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { sleep } from "../../shared/runtime/lifecycle.ts";

const PIECES = [16 * 2 ** 20, 64 * 2 ** 10, 4096].map((bytes) => Buffer.alloc(bytes));
/** What others give free is taken again so often. */
const AGAIN_MS = 200;

export interface Disk {
  readonly folder: string;
  /** Why it cannot be full. */
  readonly unable: string | undefined;
  /** Full for so long; resolves when there is room again. */
  fill(seconds: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** `megabytes`: of it. */
export function openDisk(folder: string, megabytes: number): Disk {
  mkdirSync(folder);
  const unable = mount(folder, megabytes);
  let isMounted = unable === undefined;
  const ballast = join(folder, "ballast");
  return {
    folder,
    unable,
    fill: async (seconds, signal) => {
      const file = await open(ballast, "w");
      try {
        for (
          const end = performance.now() + 1000 * seconds;
          performance.now() < end && !signal.aborted;
          await sleep(AGAIN_MS, signal)
        )
          for (const piece of PIECES) while (!signal.aborted && (await fits(file, piece)));
      } finally {
        await file.close();
        await rm(ballast, { force: true });
      }
    },
    close: () => {
      if (isMounted) execFileSync("umount", ["--lazy", folder]);
      isMounted = false;
    },
  };
}

function mount(folder: string, megabytes: number): string | undefined {
  if (process.getuid?.() !== 0) return "a disk of its own, which could be full, takes root to mount";
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tributary-soak", folder], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    return `no disk of its own could be mounted: ${(error as Error).message.trim()}`;
  }
}

async function fits(file: FileHandle, piece: Buffer): Promise<boolean> {
  try {
    return (await file.write(piece)).bytesWritten === piece.length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOSPC") return false;
    throw error;
  }
}
