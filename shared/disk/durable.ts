// What was written stays written when the power goes. Behind the disks of table and checkpoints, the models and the
// splits.
import { open } from "node:fs/promises";

/** What was written to a file, or which names a folder holds, is durable when it returns. */
export async function makeDurable(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
