// Who may read what the set-up has made: everybody, whatever the umask of who installs, since another user may run it
// (an image's, a service's).
import { chmodSync, lstatSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Lets everybody read a file or a folder with all below it; folders and programs can be entered and run. Links are left
 * alone.
 */
export function openToAll(path) {
  const entry = lstatSync(path);
  if (entry.isSymbolicLink()) return;
  const isFolder = entry.isDirectory();
  const wanted = entry.mode | (isFolder || entry.mode & 0o100 ? 0o555 : 0o444);
  if (wanted !== entry.mode) chmodSync(path, wanted);
  if (isFolder) for (const name of readdirSync(path)) openToAll(join(path, name));
}

/** Whether everybody may enter a folder and all above it. */
export function isOpenToAll(folder) {
  const above = dirname(folder);
  return (statSync(folder).mode & 0o001) !== 0 && (above === folder || isOpenToAll(above));
}
