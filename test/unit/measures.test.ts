// What the server counts beside its steps: the pace and bytes of steps, and the metrics that follow how things stand.
import { expect, test } from "vitest";
import { openMeasures, type Standing } from "../../services/server/measures.ts";
import { openPace } from "../../services/server/pace.ts";
import type { TrainerStatus } from "../../services/server/scheduler/scheduler-status.ts";
import { createMetrics } from "../../shared/runtime/metrics.ts";

const second = 1000;

test("bytes a step are the mean of the last minute's steps, and unknown before the second", () => {
  const pace = openPace();
  expect(pace.bytesPerStep()).toBeNull();
  const bytes = { sent: 500, received: 70 }; // the sockets' own record, which goes on growing
  pace.passed(0, bytes);
  expect(pace.bytesPerStep()).toBeNull();
  Object.assign(bytes, { sent: 1500, received: 90 });
  pace.passed(10 * second, bytes);
  Object.assign(bytes, { sent: 4500, received: 92 });
  pace.passed(20 * second, bytes);
  expect(pace.bytesPerStep()).toEqual({ sent: 2000, received: 11 });
  expect(pace.perMinute(20 * second)).toBe(3);
  expect(pace.perMinute(65 * second)).toBe(2);
});

test("where steps take minutes the last two tell what one costs", () => {
  const pace = openPace();
  for (const [minute, sent] of [0, 10, 30, 70].entries()) pace.passed(minute * 120 * second, { sent, received: 0 });
  expect(pace.bytesPerStep()).toEqual({ sent: 40, received: 0 });
});

test("many steps a minute are all counted", () => {
  const pace = openPace();
  for (let k = 1; k <= 9000; k++) pace.passed(k * 10, { sent: k * 8, received: k });
  expect(pace.perMinute(90 * second)).toBe(6000);
  expect(pace.bytesPerStep()).toEqual({ sent: 8, received: 1 });
});

const trainer = (state: TrainerStatus["state"], compute: number): TrainerStatus => ({
  parts: 1,
  late: 0,
  duplicate: 0,
  partMs: null,
  state,
  since: null,
  seconds: { data: 0, compute, push: 0, wait: 1, pull: 0 },
});
const standing = (more: Partial<Standing>): Standing => ({
  parts: { total: 4, leased: 2, done: 1 },
  deadlineMs: 2100,
  trainers: new Map(),
  bytes: { sent: 0, received: 0 },
  rejected: 0,
  checkpointAge: null,
  stepAge: 0,
  norms: {},
  ...more,
});

test("gauges say how things stand when they are looked at, and nothing of what is not known", async () => {
  const metrics = createMetrics("server");
  const measure = openMeasures(metrics);
  let looks = 0;
  metrics.onScrape(() => {
    looks++;
    measure(
      standing({
        trainers: new Map([
          ["t1", trainer("computing", 1)],
          ["t2", trainer("suspect", 1)],
        ]),
      }),
    );
  });
  const text = await metrics.text();
  expect(looks).toBe(1);
  expect(text).toContain('tributary_step_parts{state="open",service="server"} 1');
  expect(text).toContain('tributary_step_parts{state="leased",service="server"} 2');
  expect(text).toContain('tributary_lease_deadline_seconds{service="server"} 2.1');
  for (const [state, n] of [
    ["computing", 1],
    ["waiting", 0],
    ["suspect", 1],
    ["clogged", 0],
  ])
    expect(text).toContain(`tributary_trainers{state="${state}",service="server"} ${n}`);
  expect(text).not.toContain("tributary_checkpoint_age_seconds");
  measure(standing({ checkpointAge: 9 }));
  expect((await metrics.gauge("tributary_checkpoint_age_seconds").get()).values).toMatchObject([{ value: 9 }]);
});

test("counters follow totals: nothing is counted twice, and what a trainer did stays when it leaves", async () => {
  const metrics = createMetrics("server");
  const measure = openMeasures(metrics);
  const bytes = { sent: 100, received: 10 };
  const look = (more: Partial<Standing>) => measure(standing({ bytes, ...more }));
  look({ trainers: new Map([["t1", trainer("computing", 3)]]), rejected: 1 });
  Object.assign(bytes, { sent: 250, received: 15 });
  look({
    trainers: new Map([
      ["t1", trainer("computing", 5)],
      ["t2", trainer("waiting", 2)],
    ]),
    rejected: 1,
  });
  look({ trainers: new Map([["t2", trainer("waiting", 2)]]), rejected: 2 });
  const values = async (name: Parameters<typeof metrics.counter>[0]) =>
    Object.fromEntries(
      (await metrics.counter(name).get()).values.map(({ labels, value }) => [
        Object.values(labels).join() || "all",
        value,
      ]),
    );
  expect(await values("tributary_wire_bytes_total")).toEqual({ sent: 250, received: 15 });
  expect(await values("tributary_peers_rejected_total")).toEqual({ all: 2 });
  expect(await values("tributary_trainer_seconds_total")).toEqual({ data: 0, compute: 7, push: 0, wait: 2, pull: 0 });
});

test("the slowest trainer is compared with the median, an open step has an age, and norms stand by Adam", async () => {
  const metrics = createMetrics("server");
  const measure = openMeasures(metrics);
  const timed = (...times: (number | null)[]) =>
    new Map(times.map((partMs, k) => [`t${k}`, { ...trainer("computing", 1), partMs }] as const));
  const pace = async (trainers: ReturnType<typeof timed>) => {
    measure(standing({ trainers, stepAge: 3, norms: { decoder: { gradient: 2.5, update: 0.5 } } }));
    return (await metrics.gauge("tributary_trainer_pace_ratio").get()).values[0]!.value;
  };
  expect(await pace(timed())).toBe(1);
  expect(await pace(timed(80, null))).toBe(1);
  expect(await pace(timed(80, 200))).toBe(2.5);
  expect(await pace(timed(100, 300, 50))).toBe(3);
  const text = await metrics.text();
  expect(text).toContain('tributary_step_age_seconds{service="server"} 3');
  expect(text).toContain('tributary_gradient_norm{group="decoder",service="server"} 2.5');
  expect(text).toContain('tributary_update_norm{group="decoder",service="server"} 0.5');
});
