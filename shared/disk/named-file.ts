// Small files that a flag names: certificates, and secrets, which only their owner may read. A secret that others can
// read is none, so such a file is refused.
import { readFileSync, statSync } from "node:fs";
import { AppError } from "../errors/errors.ts";
import { openError } from "./opening.ts";

/** Throws FILE_MISSING, FILE_UNREADABLE. */
export function readNamed(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw openError(error, path);
  }
}

/** The same, and USAGE when others may read the file, or nothing stands in it. */
export function readSecret(path: string, flag: string): string {
  const text = readNamed(path);
  const { mode, uid } = statSync(path);
  // A file of root that one group may read is how Kubernetes hands a secret (0440, fsGroup) to a process that is not
  // root.
  const isHanded = uid === 0 && process.getuid?.() !== 0 && (mode & 0o037) === 0;
  if ((mode & 0o077) !== 0 && !isHanded)
    throw new AppError("USAGE", { what: `${flag} names a file that other users may read: \`chmod 600\` it`, path });
  if (text.trim() === "") throw new AppError("USAGE", { what: `${flag} is empty`, path });
  return text;
}
