// A file under a name that is free, on a file system that has no hard links (exFAT, SMB, many a container's mount):
// whole or not at all, and of all who try one gets it, also where any of them is killed or stops for long at any
// moment. Below store.ts.
//
// What such a file system has is this: a folder is never renamed over one that holds something. So the bytes are laid
// into a folder of one's own, and that is renamed to the claim, `.NAME.claim`: the first one has it, with its bytes.
// Only then are they published under NAME, by whoever comes first: the claimant, or, where it is gone, anybody who
// finds the claim. All publish the same bytes, so doing it twice changes nothing. A claim is removed after its bytes
// are published and durable; one that is made later finds the name taken and counts for nothing. Hence the order below:
// a claim is read first, then it is looked whether the name is free. If it is, no claim was ever removed, so what was
// read is of the first.
import { randomUUID } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { AppError } from "../errors/errors.ts";
import type { Disk } from "./disk.ts";

const BYTES = "bytes";

/**
 * The folder is there. False when the name is taken, whoever took it. What becomes of the name is durable when it
 * returns.
 */
export async function putByClaim(disk: Disk, target: string, bytes: Uint8Array): Promise<boolean> {
  const folder = dirname(target);
  const claim = join(folder, `.${basename(target)}.claim`);
  if (await disk.isThere(target)) return false;
  const mine = temporaryIn(folder, basename(target));
  try {
    await disk.makeFolder(mine);
    await disk.write(join(mine, BYTES), bytes);
    await disk.sync(join(mine, BYTES));
    await disk.sync(mine);
    const isFirst = await disk.moveFolder(mine, claim);
    await disk.sync(folder);
    const claimed = isFirst ? bytes : await disk.read(join(claim, BYTES)).catch(ifGone);
    if (!(await disk.isThere(target))) {
      if (!claimed) throw new Error(`a claim is gone, and ${target} is not there`);
      await publish(disk, target, claimed);
    }
    if (isFirst || claimed) await disk.remove(claim); // the name is taken: no claim to it counts any more
    // another may have published it for us, or have had it before
    return isFirst && Buffer.compare(await disk.read(target), bytes) === 0;
  } finally {
    await disk.remove(mine);
  }
}

async function publish(disk: Disk, target: string, bytes: Uint8Array): Promise<void> {
  const temporary = temporaryIn(dirname(target), basename(target));
  try {
    await disk.write(temporary, bytes);
    await disk.sync(temporary);
    await disk.rename(temporary, target);
    await disk.sync(dirname(target));
  } finally {
    await disk.remove(temporary);
  }
}

/** Throws FILE_SYSTEM_UNFIT where a folder replaces one that holds something: there nothing is safe. */
export async function mustKeepFolders(disk: Disk, folder: string): Promise<void> {
  const [one, other] = [temporaryIn(folder, "probe"), temporaryIn(folder, "probe")];
  try {
    for (const each of [one, other]) {
      await disk.makeFolder(each);
      await disk.write(join(each, BYTES), new Uint8Array(1));
    }
    if (await disk.moveFolder(one, other))
      throw new AppError("FILE_SYSTEM_UNFIT", {
        what: "this file system has no hard links, and a folder replaces another: a commit could be lost",
        path: folder,
      });
  } finally {
    await disk.remove(one);
    await disk.remove(other);
  }
}

/** Vacuum knows it by its name. */
const temporaryIn = (folder: string, name: string) => join(folder, `.${name}.${randomUUID()}.tmp`);

function ifGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
  return undefined;
}
