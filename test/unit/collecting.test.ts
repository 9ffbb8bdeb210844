// A service's memory does not grow by what nobody holds, however much room V8 was given.
import { setImmediate } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { collectEveryMinute } from "../../shared/runtime/collecting.ts";

afterEach(() => {
  vi.useRealTimers();
});

test("what nobody holds any more is gone after a minute, and collecting ends when it is asked to", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  const end = collectEveryMinute();
  const left = () => new WeakRef(Array(1000).fill({}));
  const garbage = left();
  await setImmediate(); // what a job has made lives as long as the job
  vi.advanceTimersByTime(59_000);
  expect(garbage.deref()).toBeDefined();
  await setImmediate();
  vi.advanceTimersByTime(1_000);
  expect(garbage.deref()).toBeUndefined();
  end();
  expect(vi.getTimerCount()).toBe(0);
});
