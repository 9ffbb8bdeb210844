// A trainer of a run, started again where its device, or the library that computes there, has ended it: a GPU whose
// memory another process held for a while does not end the run.
import { isOfDevice } from "../../../shared/runtime/gpu/places.ts";
import { sleep } from "../../../shared/runtime/lifecycle.ts";
import type { Ending } from "../../../shared/runtime/spawn.ts";

/** Starts that failed one after the other; the last of them is one on the CPU, places.ts. */
const MOST = 5;
const [SHORTEST_PAUSE, LONGEST_PAUSE] = [1_000, 8_000];
/** Ms of a run after which the failures before are forgotten. */
const STEADY = 60_000;

/** Exit code of the last one. `start` gives what it ends with. */
export async function keepTrainer(
  start: () => Promise<Ending>,
  say: (line: string) => void,
  over: AbortSignal,
  now = () => performance.now(),
): Promise<number> {
  for (let failures = 1; ; failures++) {
    const startedAt = now();
    const { code, signal, failed } = await start();
    if (now() - startedAt >= STEADY) failures = 1;
    if (over.aborted || !isOfDevice({ signal, failed }) || failures === MOST) return code ?? 1;
    const pause = Math.min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** (failures - 1));
    say(`a trainer has ended (${failed ?? signal}); starting it again in ${pause / 1000} s`);
    await sleep(pause, over);
    if (over.aborted) return code ?? 1;
  }
}
