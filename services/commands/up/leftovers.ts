// What an `up` that was killed has left of its processes: those that drain are waited for, those that hang are ended.
// Its broker is no leftover: the next `up` takes it over.
import { realpathSync } from "node:fs";
import { sleep } from "../../../shared/runtime/lifecycle.ts";
import { processNumbers, wordsOf } from "../../../shared/runtime/proc.ts";
import { showStep } from "../../../shared/runtime/terminal.ts";

/**
 * In the environment of all that `up` starts: a process started by hand on the same data directory has none, and is
 * nobody's leftover.
 */
const MARK = "STARTED_BY_TRIBUTARY_UP";
const GRACE_MS = 5_000;

const markOf = (root: string) => {
  try {
    return realpathSync(root);
  } catch {
    return root; // not there yet
  }
};

/** From now on whatever this process starts names the data directory in its environment. */
export function markChildren(root: string): void {
  process.env[MARK] = markOf(root);
}

/**
 * Resolves when none is left. Linux alone shows what others were started with; elsewhere those that live end by
 * themselves.
 */
export async function endLeftovers(root: string): Promise<void> {
  const found = leftovers(root);
  if (found.length === 0) return;
  await showStep("end what an `up` has left", async (done) => {
    done(`processes ${found.join(", ")}`);
    await gone("SIGTERM", root);
    await gone("SIGKILL", root);
  });
}

async function gone(signal: "SIGTERM" | "SIGKILL", root: string): Promise<void> {
  for (const pid of leftovers(root)) {
    try {
      process.kill(pid, signal);
    } catch {
      // it has just ended
    }
  }
  for (
    const deadline = performance.now() + GRACE_MS;
    performance.now() < deadline && leftovers(root).length > 0;
    await sleep(50)
  );
}

function leftovers(root: string): number[] {
  const mark = `${MARK}=${markOf(root)}`;
  const isLeft = (pid: number) =>
    wordsOf(pid, "environ").includes(mark) && !wordsOf(pid, "cmdline").includes("kafka.Kafka");
  return processNumbers().filter((pid) => pid !== process.pid && isLeft(pid));
}
