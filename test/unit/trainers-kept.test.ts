// `train` starts a trainer again whose device failed; not one that was asked to end, was killed, or was refused.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { keepTrainer } from "../../services/commands/train/trainers.ts";
import type { Ending } from "../../shared/runtime/spawn.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Runs that end so, each after so many ms. */
async function kept(endings: readonly (Partial<Ending> & { readonly ms?: number })[], over = new AbortController()) {
  const lines: string[] = [];
  let started = 0;
  const start = async (): Promise<Ending> => {
    const { ms = 0, ...ending } = endings[started++] ?? { code: 0 };
    await new Promise((resolve) => setTimeout(resolve, ms));
    return { code: null, signal: null, finished: false, ...ending };
  };
  const code = keepTrainer(start, (line) => lines.push(line), over.signal);
  await vi.advanceTimersByTimeAsync(3_600_000);
  return { code: await code, started, lines };
}
const gpu = { code: 3, failed: "GPU_FAILED" } as const;

test("a trainer whose GPU failed is started again, and told", async () => {
  const { code, started, lines } = await kept([gpu, { signal: "SIGABRT" }, { code: 0 }]);
  expect([code, started]).toEqual([0, 3]);
  expect(lines).toEqual([
    "a trainer has ended (GPU_FAILED); starting it again in 1 s",
    "a trainer has ended (SIGABRT); starting it again in 2 s",
  ]);
});

test("not for ever, but for failures far apart", async () => {
  expect(await kept([gpu, gpu, gpu, gpu, gpu, gpu])).toMatchObject({ code: 3, started: 5 });
  const apart = Array.from({ length: 8 }, () => ({ ...gpu, ms: 90_000 }));
  expect(await kept([...apart, { code: 0 }])).toMatchObject({ code: 0, started: 9 });
});

test.each<[string, Partial<Ending>, number]>([
  ["was asked to end", { code: 0 }, 0],
  ["was killed", { signal: "SIGKILL" }, 1],
  ["was refused by its server", { code: 1, failed: "PEER_REJECTED" }, 1],
  ["cannot compute such a model", { code: 2, failed: "ENGINE_UNFIT" }, 2],
])("not one that %s", async (_, ending, code) => {
  expect(await kept([ending])).toEqual({ code, started: 1, lines: [] });
});

test("not when the run is over", async () => {
  const over = new AbortController();
  over.abort();
  expect(await kept([gpu], over)).toMatchObject({ code: 3, started: 1, lines: [] });
});
