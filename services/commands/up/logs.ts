// Keeps logs of `up` from growing without bound: what a file held when it became large lies beside it as NAME.1 until
// the next time. Whoever writes to it appends, and goes on at its new end.
import { copyFileSync, readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";

/** Both files of a service take at most twice this. */
const LARGEST = 16 << 20;

/** Every `*.log` below the folders; one that is not there has none. Never throws: a log is no reason to end. */
export function shortenLogs(folders: readonly string[], largest = LARGEST): void {
  for (const folder of folders) {
    try {
      for (const name of readdirSync(folder).filter((each) => each.endsWith(".log")))
        shorten(join(folder, name), largest);
    } catch {} // not there yet, or a disk that is full: the next look comes
  }
}

function shorten(path: string, largest: number): void {
  if (statSync(path).size <= largest) return;
  try {
    copyFileSync(path, `${path}.1`);
  } catch {} // no room for what is old: what comes is worth more
  truncateSync(path);
}
