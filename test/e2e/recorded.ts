// Services with recorded answers: real HTTP servers in the real registry, whose /status a test sets. For states of the
// page that a live flow reaches rarely.
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { register } from "../../shared/http/registry.ts";

export interface Recorded {
  status: object;
  close(): Promise<void>;
}

/** `age` in seconds: a flow that has just started is judged more mildly. */
export async function serveRecorded(runDir: string, service: string, status: object, age = 600): Promise<Recorded> {
  const server = createServer((_, response) =>
    response.setHeader("content-type", "application/json").end(JSON.stringify(recorded.status)),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const unregister = register(runDir, service, url);
  const entry = { service, pid: process.pid, url, startedAt: Date.now() - age * 1000 };
  writeFileSync(join(runDir, `${service}-${process.pid}.json`), JSON.stringify(entry));
  const recorded: Recorded = {
    status,
    close: async () => {
      unregister();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return recorded;
}

const metrics = (ndcg: number) => ({
  ...{ "ndcg@100": ndcg, "recall@20": ndcg * 0.8, "recall@50": ndcg * 1.1 },
  ...{ "ndcg@100:se": 0.0042, "recall@20:se": 0.0051, "recall@50:se": 0.0055 },
});
const quality = (round: number) => 0.16 + 0.25 * (1 - Math.exp(-round / 9));

/** A trainer as the parameter server shows it. */
export const trainerStatus = (name: string, now: number, more: object = {}) => ({
  id: name,
  name,
  engine: "tensorflow",
  threads: 1,
  tensorsBy: "memory",
  lastSeenAt: now - 80,
  state: "computing",
  parts: 5970,
  late: 0,
  duplicate: 0,
  partMs: 118,
  seconds: { data: 21, compute: 612, push: 48, wait: 37, pull: 66 },
  ...more,
});

/** A healthy flow, `minutes` after its start and `now` in ms: the shapes that the services answer. */
export function healthy(now: number, minutes = 14) {
  const start = now - minutes * 60_000;
  const rounds = minutes * 3;
  const at = (round: number) => start + (round * (now - 9000 - start)) / rounds;
  const all = Array.from({ length: rounds }, (_, k) => k + 1);
  const wobble = (k: number) => Math.sin(k * 2.3) + Math.sin(k * 0.9);
  const last = all.length;
  return {
    replay: {
      service: "replay",
      source: "synthetic",
      produced: 1_043_200,
      total: null,
      ratePerSecond: 1240,
      done: false,
    },
    ingest: {
      service: "ingest",
      state: "consuming",
      read: 1_043_100,
      written: 1_042_300,
      dead: 312,
      filtered: 0,
      buffered: 420,
      lag: { messages: 520, seconds: 0.6 },
      partitions: [0, 1, 2, 3].map((partition) => ({
        partition,
        offset: 260_775,
        end: 260_800,
        lag: 130,
        lagSeconds: 0.6,
        written: 260_575,
        dead: 78,
        filtered: 0,
        paused: false,
      })),
      paused: [],
      flushes: { rows: 4, bytes: 0, age: 164, end: 0 },
      lastCommit: { at: now - 2100, seconds: 0.041, rows: 6210, bytes: 74_100 },
      commits: Array.from({ length: 20 }, (_, k) => ({
        at: now - 2100 - (19 - k) * 5000,
        version: 149 + k,
        cause: "age",
        seconds: 0.041 + 0.001 * k,
        events: 6214 + 10 * k,
        rows: 6210 + 10 * k,
        bytes: 74_100 + 90 * k,
      })),
      rebalances: 1,
      fenced: 0,
      unknownFields: { session: 1204 },
      table: { version: 168, files: 672, rows: 1_042_300 },
      lastCommitAt: now - 2100,
      newestArrival: now - 400,
      eventsPerSecond: 1238.4,
    },
    server: {
      service: "server",
      state: "training",
      hint: null,
      round: last,
      step: 11_940,
      phase: "encoder",
      loss: { reconstruction: 372.4, kl: 6.21, total: 378.61 },
      lossHistory: all.map((round) => ({
        at: at(round),
        round,
        reconstruction: 370 + 140 * Math.exp(-round / 10) + 1.6 * wobble(round),
        kl: 6.3 - 3.8 * Math.exp(-round / 14) + 0.07 * wobble(round + 3),
      })),
      users: 8412,
      items: 2213,
      norms: { gradient: 8.4, update: 0.021 },
      stepsPerMinute: 852,
      parts: { total: 4, leased: 2, done: 1 },
      deadlineMs: 2100,
      contributions: {
        get accepted() {
          return 11_940 + Math.floor((Date.now() - now) * 0.057);
        },
        late: 3,
        duplicate: 1,
        expired: 2,
        unasked: 0,
        notFinite: 0,
        rejected: 1,
      },
      trainers: [trainerStatus("trainer-1", now, { device: "GPU 0: NVIDIA H200" }), trainerStatus("trainer-2", now)],
      checkpoint: { step: 11_900, round: last, at: now - 9000, seconds: 0.4, ageSeconds: 9 },
      bytes: { sent: 9e9, received: 9e9, memory: { sent: 4e10, received: 3e10 } },
      bytesPerStep: { sent: 2_412_000, received: 1_810_000 },
    },
    trainer: {
      service: "trainer",
      state: "computing",
      server: "ws://127.0.0.1:7070",
      engine: "tensorflow",
      threads: 1,
      parts: 5970,
      tensors: 40,
      memoryBytes: 6e8,
    },
    evaluator: {
      service: "evaluator",
      freshness: { p50: 8.1, p95: 10.4, max: 14.2, events: 600 },
      prequential: all.map((round) => ({
        at: at(round) + 4000,
        model: String(round).padStart(6, "0"),
        events: 5000,
        users: 1200,
        "recall@20": quality(round) * 1.1 + 0.01 * wobble(round),
        "ndcg@100": quality(round) * 0.7 + 0.006 * wobble(round + 2),
        popularity: { "recall@20": 0.18 + 0.006 * wobble(round + 5), "ndcg@100": 0.12 + 0.004 * wobble(round + 9) },
        popularNow: { "recall@20": 0.31 + 0.008 * wobble(round + 3), "ndcg@100": 0.2 + 0.005 * wobble(round + 4) },
        popularThen: { "recall@20": 0.27 + 0.008 * wobble(round + 3), "ndcg@100": 0.17 + 0.005 * wobble(round + 4) },
        coVisits: { "recall@20": 0.33 + 0.006 * wobble(round + 6), "ndcg@100": 0.21 + 0.004 * wobble(round + 7) },
      })),
      evaluations: all.map((round) => ({
        at: at(round) + 1500,
        round,
        step: round * 284,
        users: 841,
        tableVersion: round * 4,
        model: metrics(quality(round) + 0.003 * wobble(round)),
        popularity: metrics(0.211 + 0.0008 * wobble(round + 7)),
        outcome: "published",
        reason: null,
      })),
      published: {
        version: "000042",
        at: now - 7500,
        watermark: now - 9400,
        round: last,
        metrics: metrics(0.412),
        popularity: metrics(0.211),
      },
    },
    serve: {
      service: "serve",
      model: "000042",
      get requests() {
        return 18_204 + Math.floor((Date.now() - now) * 0.037);
      },
      errors: 0,
    },
  };
}

/** The dashboard's own file, as the process leaves it: a sample every 5 s, up to `now`, ms. */
export function recordedHistory(now: number, minutes = 14): string {
  const rows = minutes * 12;
  const at = Array.from({ length: rows }, (_, k) => now - minutes * 60_000 + k * 5000);
  const column = (of: (k: number) => number | null) => at.map((_, k) => of(k));
  const wave = (k: number, period: number) => Math.abs(Math.sin(k / period));
  const stall = (k: number) => (k > 60 && k < 70 ? (k - 60) * 350 : 0);
  const lag = (k: number, partition: number) =>
    Math.round(110 + 70 * wave(k + 9 * partition, 7) + stall(k) * (1 + partition / 4));
  const trainers = [41_207, 41_208];
  const columns = {
    "events:in": column((k) => 1240 + 90 * Math.sin(k / 9) + 40 * Math.sin(k * 1.7)),
    "events:consumed": column((k) => 1240 + 90 * Math.sin(k / 9) - (stall(k) > 0 ? 1150 : 0) + (k === 70 ? 3400 : 0)),
    lag: column((k) => [0, 1, 2, 3].reduce((sum, partition) => sum + lag(k, partition), 0)),
    ...Object.fromEntries([0, 1, 2, 3].map((partition) => [`lag:${partition}`, column((k) => lag(k, partition))])),
    ...Object.fromEntries(
      Object.entries({ pull: 0.004, data: 0.002, compute: 0.051, push: 0.003, wait: 0.011 }).map(
        ([activity, seconds]) => [
          `step:${activity}`,
          column((k) => (k < 14 ? null : seconds * (1 + 0.2 * Math.sin(k * 1.3 + seconds * 999)))),
        ],
      ),
    ),
    "norm:gradient": column((k) => (k < 14 ? null : 6 + 60 * Math.exp(-k / 20) + wave(k, 0.7))),
    "norm:update": column((k) => (k < 14 ? null : 0.02 + 0.08 * Math.exp(-k / 25) + 0.003 * wave(k, 0.9))),
    freshness: column((k) => (k < 14 ? null : 9 + (k % 4) * 4 + 3 * wave(k, 10))),
    "freshness:p95": column((k) => (k < 20 ? null : 10.4 + wave(k, 15))),
    "wire:sent": column((k) => 2.1e5 + 3e4 * wave(k, 3)),
    "wire:received": column((k) => 1.3e5 + 2e4 * wave(k, 4)),
    "wire:memory": column((k) => (k < 14 ? 0 : 6.4e7 + 6e6 * wave(k, 2))),
    ...Object.fromEntries(
      trainers.map((pid, t) => [`memory:${pid}`, column((k) => 5.8e8 + 3e7 * t + 1e7 * wave(k + 5 * t, 6))]),
    ),
    ...Object.fromEntries(
      trainers.map((pid, t) => [`tensors:${pid}`, column((k) => (k < 14 ? null : 40 + 2 * t + (k % 3)))]),
    ),
  };
  const nothing = { at: [], columns: {} };
  return `${JSON.stringify({ samples: { at, columns }, rounds: nothing, evaluations: nothing, arrivals: nothing })}\n`;
}
