// What `up` makes of its services' runs, without a process: a fake one runs for as long as the test says.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { troublesOf, waitsOf } from "../../services/commands/up/troubles.ts";
import { AppError } from "../../shared/errors/errors.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import type { Ending } from "../../shared/runtime/spawn.ts";
import { type Run, type Service, supervise } from "../../shared/runtime/supervise.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-supervise-"));
const log = join(folder, "service.log");
const minutes = (count: number) => vi.advanceTimersByTimeAsync(60_000 * count);
const lines: string[] = [];
const watched = (more: Partial<Service> & Pick<Service, "start">) =>
  supervise({ name: "serve", log, ...more }, (text) => lines.push(text));

beforeEach(() => {
  vi.useFakeTimers();
  lines.length = 0;
});
afterEach(() => vi.useRealTimers());
afterAll(() => rmSync(folder, { recursive: true }));

function running(pid = 2 ** 22 + 1): Run & { end(ending: Partial<Ending>): void } {
  let end: (ending: Ending) => void = () => undefined;
  const ended = new Promise<Ending>((resolve) => {
    end = resolve;
  });
  const over = (ending: Partial<Ending>) => end({ code: null, signal: null, finished: false, ...ending });
  return { pid, ended, end: over, stop: async () => over({ code: 0 }) };
}

test("a start that takes more than a minute and fails has not run for a minute: it is red after some", async () => {
  const kafka = watched({
    hasStood: true,
    start: async (signal) => {
      await sleep(70_000, signal);
      throw new AppError("BROKER_FAILED", { what: "Kafka does not answer" });
    },
  });
  await minutes(8);
  expect(kafka.state()).toMatchObject({
    state: "waiting",
    level: "red",
    reason: expect.stringContaining("does not answer"),
  });
  expect(troublesOf([kafka], new Map())).toEqual([
    expect.stringMatching(/^! serve has ended \d times in \d+ min: .*does not answer/),
  ]);
  await kafka.stop();
});

test("why it ended is found also in a log that was begun anew while it ran", async () => {
  writeFileSync(log, "old line\n".repeat(100));
  const run = running();
  const service = watched({ start: () => run });
  await minutes(1);
  writeFileSync(log, "DISK_FULL: no space left on device\n");
  run.end({ code: 1 });
  await vi.advanceTimersByTimeAsync(0);
  expect(lines).toEqual([expect.stringMatching(/^DISK_FULL: serve: no space left on device; starting it again/)]);
  await service.stop();
});

test("to kill who has just ended is no error, and its end has its own reason", async () => {
  const run = running();
  const service = watched({ start: () => run });
  await minutes(1);
  service.kill("did neither answer nor do anything");
  run.end({ signal: "SIGTERM" });
  await vi.advanceTimersByTimeAsync(0);
  expect(service.state().reason).toBe("was ended by SIGTERM");
  await service.stop();
});

test("who runs and waits for room, or for Kafka, is told on the line", () => {
  const evaluator = {
    service: "evaluator",
    status: { state: "idle", heldUp: "the evaluation cannot be written: no space left" },
  };
  const ingest = { service: "ingest", status: { state: "stalled", reason: "cannot write: no space left" } };
  const fine = { service: "server", status: { state: "training", heldUp: null } };
  expect(waitsOf([evaluator, ingest, fine, { service: "serve", status: null }])).toEqual([
    "! evaluator waits: the evaluation cannot be written: no space left",
    "! ingest waits: cannot write: no space left",
  ]);
});
