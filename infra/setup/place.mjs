// Brings an entry of the cache into the checkout, where everybody who may read the checkout finds it: as a link where
// all may follow it, as hard links where the cache is the installing user's own (root's home is closed to others),
// copied where root installs onto another file system.
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { isOpenToAll } from "./open.mjs";
import { readStamp, removeStamp, writeStamp } from "./stamp.mjs";

/**
 * `name`: of the stamp that says which entry lies there. Where there is no entry, nothing lies there either. `asLink`:
 * in any case.
 */
export function place(name, entry, at, asLink = false) {
  const stamp = `placed-${name}`;
  if (!existsSync(entry)) {
    rmSync(at, { recursive: true, force: true });
    return removeStamp(stamp);
  }
  if (readStamp(stamp) === entry && existsSync(at)) return;
  const fresh = `${at}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(dirname(at), { recursive: true });
  if (asLink || isOpenToAll(realpathSync(entry))) symlinkSync(entry, fresh);
  else {
    try {
      copyTree(entry, fresh, process.getuid?.() === 0 ? linkOrCopy : linkSync);
    } catch (error) {
      if (!["EXDEV", "EPERM", "EMLINK", "ENOTSUP", "ENOSYS"].includes(error.code)) throw error;
      rmSync(fresh, { recursive: true, force: true });
      symlinkSync(entry, fresh);
    }
  }
  rmSync(at, { recursive: true, force: true });
  renameSync(fresh, at);
  writeStamp(stamp, entry);
}

function copyTree(from, to, file) {
  mkdirSync(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyTree(source, target, file);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else file(source, target);
  }
}

function linkOrCopy(source, target) {
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target);
  }
}
