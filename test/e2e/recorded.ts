// Services with recorded answers: real HTTP servers in the real registry, whose /status a test sets. For states of the page that a live flow reaches rarely.
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { register } from "../../shared/runtime/registry.ts";

export interface Recorded {
  status: object;
  close(): Promise<void>;
}

/** `age` in seconds: a flow that has just started is judged more mildly. */
export async function serveRecorded(runDir: string, service: string, status: object, age = 600): Promise<Recorded> {
  const server = createServer((_, response) => response.setHeader("content-type", "application/json").end(JSON.stringify(recorded.status)));
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

const metrics = (ndcg: number) => ({ "ndcg@100": ndcg, "recall@20": ndcg * 0.8, "recall@50": ndcg * 1.1, "ndcg@100:se": 0.0042 });
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
    replay: { service: "replay", source: "synthetic", produced: 1_043_200, total: null, ratePerSecond: 1240, done: false },
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
      trainers: [trainerStatus("trainer-1", now), trainerStatus("trainer-2", now)],
      checkpoint: { step: 11_900, round: last, at: now - 9000, seconds: 0.4, ageSeconds: 9 },
      bytes: { sent: 9e9, received: 9e9 },
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

/** The dashboard's own file of the last hour, as the process leaves it. */
export function recordedHistory(now: number, minutes = 14): string {
  const sample = (at: number, k: number) => ({
    at,
    freshness: k < 70 ? null : 9 + (k % 20) + 3 * Math.abs(Math.sin(k / 50)),
    lag: Math.round(420 + 300 * Math.abs(Math.sin(k / 37)) + 120 * Math.sin(k * 1.7) + (k > 300 && k < 345 ? (k - 300) * 70 : 0)),
  });
  const samples = Array.from({ length: minutes * 60 }, (_, k) => sample(now - minutes * 60_000 + k * 1000, k));
  return `${JSON.stringify({ samples, losses: [], evaluations: [] })}\n`;
}
