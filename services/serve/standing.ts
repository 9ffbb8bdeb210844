// How a file stands: another text once it was replaced or written to.
import { stat } from "node:fs/promises";

export async function standingOf(path: string): Promise<string> {
  const { ino, size, mtimeMs } = await stat(path);
  return `${ino} ${size} ${mtimeMs}`;
}
