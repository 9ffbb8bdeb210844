// What the server shows of its run: /status, metrics, the hint that says what to do. Filled by the run's driver, read by main.ts.
import type { Metrics } from "../../shared/runtime/metrics.ts";
import type { Phase } from "../../shared/wire/messages.ts";
import type { Desk, Work } from "./desk.ts";
import type { Loss, Run, RunStep } from "./outer-epoch.ts";
import type { Peers } from "./peers.ts";

export type RunState = "waiting for events" | "waiting for trainers" | "training" | "idle" | "draining";

/** One line of `train`'s report. */
export interface EpochReport {
  readonly epoch: number;
  readonly seconds: number;
  readonly loss: Loss;
  readonly validation: { readonly "ndcg@100": number };
  readonly usersPerSecond: number;
}

const HISTORY = 500;
const MINUTE = 60_000;

export class Progress {
  state: RunState = "waiting for trainers";
  phase: Phase | null = null;
  run: Run | undefined;
  users = 0;
  tableVersion: number | null = null;
  watermark: number | null = null;
  checkpoint: { step: number; round: number; at: number } | null = null;
  epochs: readonly EpochReport[] = [];
  readonly #lossHistory: { at: number; round: number; reconstruction: number; kl: number }[] = [];
  readonly #stepTimes: number[] = [];
  readonly #metrics: Metrics;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** Counts and times every step that `desk` runs. */
  watch(desk: Desk, signal: AbortSignal): RunStep {
    return async (work: Work) => {
      this.phase = work.phase;
      const stop = this.#metrics.histogram("tributary_step_seconds").startTimer({ phase: work.phase });
      const received = await desk.run(work, signal);
      stop();
      this.#metrics.counter("tributary_steps_total").inc({ phase: work.phase });
      this.#stepTimes.push(Date.now());
      if (this.#stepTimes.length > 2_000) this.#stepTimes.splice(0, 1_000);
      return received;
    };
  }

  finished({ reconstruction, kl }: Loss, round: number): void {
    this.#lossHistory.push({ at: Date.now(), round, reconstruction, kl });
    if (this.#lossHistory.length > HISTORY) this.#lossHistory.shift();
    this.#metrics.gauge("tributary_round").set(round);
    this.#metrics.gauge("tributary_loss").set({ part: "reconstruction" }, reconstruction);
    this.#metrics.gauge("tributary_loss").set({ part: "kl" }, kl);
  }

  status(peers: Peers, desk: Desk): object {
    const now = Date.now();
    const { parts, contributed, late, lonely } = desk.status();
    const state = this.state === "training" && lonely ? "waiting for trainers" : this.state;
    const last = this.#lossHistory.at(-1);
    return {
      service: "server",
      listen: peers.url,
      state,
      hint: this.#hint(state, peers),
      round: this.run?.round ?? 0,
      step: this.run?.step ?? 0,
      phase: this.phase,
      parts,
      loss: last ? { reconstruction: last.reconstruction, kl: last.kl, total: last.reconstruction + last.kl } : null,
      lossHistory: this.#lossHistory,
      epochs: this.epochs,
      users: this.users,
      items: this.run?.optimizer.config.items ?? 0,
      tableVersion: this.tableVersion,
      watermark: this.watermark,
      stepsPerMinute: this.#stepTimes.filter((at) => now - at < MINUTE).length,
      trainers: peers.list().map(({ id, name, engine, lastSeenAt }) => ({ id, name, engine, parts: contributed.get(id) ?? 0, lastSeenAt })),
      checkpoint: this.checkpoint,
      late,
      bytes: peers.bytes,
    };
  }

  #hint(state: RunState, peers: Peers): string | null {
    if (state === "waiting for trainers") return `no trainer connected: start one with \`tributary trainer --server ${peers.url}\``;
    if (state === "waiting for events") return "the table holds too few events to train on: run `tributary replay` and `tributary ingest`";
    if (state === "idle") return "no new events for a while; training goes on when some arrive";
    return null;
  }
}
