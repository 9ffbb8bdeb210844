// What the server shows of its run: /status, metrics, the hint that says what to do. Filled by the run's driver, read
// by main.ts.
import type { Manifest } from "../../shared/checkpoints/manifest.ts";
import { openFreshness } from "../../shared/health/status/freshness.ts";
import type { epochReport, ServerStatus, Timing } from "../../shared/health/status/server.ts";
import type { Said } from "../../shared/health/status/units.ts";
import { cpu } from "../../shared/runtime/cpu.ts";
import type { Log } from "../../shared/runtime/log.ts";
import type { Metrics } from "../../shared/runtime/metrics.ts";
import { type Along, type Line, logLine, told } from "../../shared/runtime/working.ts";
import { type Phase, phaseOf } from "../../shared/training/phases.ts";
import type { Peers } from "./admission/peers.ts";
import { openEpochPace } from "./epoch-pace.ts";
import { openMeasures } from "./measures.ts";
import { openPace } from "./pace.ts";
import type { Standing } from "./run/outer-epoch.ts";
import type { Loss, Run, RunStep } from "./run/run.ts";
import { standingOf } from "./run/stint-length.ts";
import type { Outcome } from "./saving/checkpointing.ts";
import type { Received } from "./scheduler/contributions.ts";
import type { Scheduler, Work } from "./scheduler/scheduler.ts";

export type RunState = ServerStatus["state"];

/** One line of `train`'s report. */
export type EpochReport = Said<typeof epochReport>;

const HISTORY = 500;

export class Progress {
  state: RunState = "waiting for trainers";
  phase: Phase | null = null;
  run: Run | undefined;
  users = 0;
  tableVersion: number | null = null;
  watermark: number | null = null;
  /** The newest on disk, and why the one after it is not. */
  checkpoint: Omit<NonNullable<ServerStatus["checkpoint"]>, "ageSeconds"> | null = null;
  /**
   * Items that too few users have, outside of the vocabulary; how often there was no room to remember one; events of
   * users or items without room.
   */
  waiting = { items: 0, forgotten: 0, leftOut: 0 };
  epochs: readonly EpochReport[] = [];
  /** What it is at beside the steps, in words, since it takes long. */
  #work: string | null = null;
  #epoch: ServerStatus["epoch"] = null;
  readonly #epochPace = openEpochPace();
  readonly #lossHistory: ServerStatus["lossHistory"][number][] = [];
  readonly #pace = openPace();
  readonly #timings: Partial<Record<Phase, Timing>> = {};
  /** Of the step that trainers are at. */
  #openedAt: number | undefined;
  /** Bytes of all checkpoints of this process. */
  #written = 0;
  /** Of the newest that this process has put on disk, by a clock that nobody sets. */
  #checkpointedAt: number | undefined;
  /** Closes the account of the step at hand. */
  #settle: () => void = () => {};
  readonly #metrics: Metrics;
  readonly #measures: ReturnType<typeof openMeasures>;
  readonly #freshness: ReturnType<typeof openFreshness>;
  /** Arrivals of marked events that the round at hand is the first to learn from. */
  #marks: readonly number[] = [];

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.#measures = openMeasures(metrics);
    this.#freshness = openFreshness(metrics, "gradient");
  }

  /** Counts and times every step that `scheduler` runs. */
  watch(peers: Peers, scheduler: Scheduler, signal: AbortSignal): RunStep {
    return async (work: Work) => {
      this.#settle();
      this.phase = work.phase;
      const answers: Received[] = [];
      this.#settle = this.#account(work, answers);
      this.#openedAt = performance.now();
      const received = await scheduler.run(work, signal).finally(() => {
        this.#openedAt = undefined;
      });
      answers.push(...received);
      if (phaseOf(work.phase).moves.length === 0)
        this.#settle(); // nothing is applied
      else this.#learnedFrom();
      this.#metrics.counter("tributary_steps_total").inc({ phase: work.phase }, work.steps ?? 1);
      this.#pace.passed(performance.now(), peers.bytes);
      this.measure(peers, scheduler);
      return received;
    };
  }

  /** Marked events of the version that was just pinned: arrivals, ms since 1970. */
  pinned(marks: readonly number[]): void {
    this.#marks = [...this.#marks, ...marks];
  }

  #learnedFrom(): void {
    this.#freshness.reached(this.#marks);
    this.#marks = [];
  }

  /** Opens the account of a step; what it returns closes it. */
  #account({ phase, steps = 1 }: Work, answers: readonly Received[]): () => void {
    const startedAt = performance.now();
    const before = { ...this.run?.sections.spent };
    cpu.charge("between"); // validation is a phase of its own; this is checkpoints and waiting for events
    return () => {
      cpu.charge(phase);
      this.#settle = () => {};
      this.#timings[phase] ??= { steps: 0, seconds: 0, sections: {} };
      const timing = this.#timings[phase];
      const seconds = (performance.now() - startedAt) / 1000;
      this.#metrics.histogram("tributary_step_seconds").observe({ phase }, seconds);
      timing.steps += steps;
      timing.seconds += seconds;
      const add = (section: string, more: number) => {
        timing.sections[section] = (timing.sections[section] ?? 0) + more;
        this.#metrics.counter("tributary_step_section_seconds_total").inc({ phase, section }, more);
      };
      for (const { spent } of answers) for (const [section, more] of Object.entries(spent)) add(section, more);
      for (const [section, total] of Object.entries(this.run?.sections.spent ?? {}))
        add(section, total - (before[section as keyof typeof before] ?? 0));
    };
  }

  /** Does a piece of work that takes long beside the steps, and tells of it. */
  during<T>(name: string, work: (along: Along) => Promise<T>, log: Log): Promise<T> {
    const beside = logLine(log);
    const line: Line = {
      show: (text) => {
        this.#work = text;
        beside.show(text);
      },
      end: () => {
        this.#work = null;
      },
    };
    return told(name, work, line);
  }

  /** Between two steps of an outer epoch. */
  within(standing: Standing, log: Log): void {
    this.#epoch = this.#epochPace.at(this.run?.round ?? 0, standing, performance.now() / 1000);
    if (this.#epochPace.isDue()) log.info(this.#epoch, "within the outer epoch");
  }

  finished({ reconstruction, kl }: Loss, round: number): void {
    this.#settle();
    this.#epoch = null;
    this.#lossHistory.push({ at: Date.now(), round, reconstruction, kl });
    if (this.#lossHistory.length > HISTORY) this.#lossHistory.shift();
    this.#metrics.gauge("tributary_round").set(round);
    this.#metrics.gauge("tributary_items_waiting").set(this.waiting.items);
    this.#metrics.gauge("tributary_events_left_out").set(this.waiting.leftOut);
    this.#metrics.gauge("tributary_loss").set({ part: "reconstruction" }, reconstruction);
    this.#metrics.gauge("tributary_loss").set({ part: "kl" }, kl);
  }

  /** Brings the metrics up to how things stand. */
  measure(peers: Peers, scheduler: Scheduler): void {
    const { parts, deadlineMs, trainers } = scheduler.status();
    const checkpointAge = this.#checkpointAge();
    const stepAge = this.#openedAt === undefined ? 0 : (performance.now() - this.#openedAt) / 1000;
    const norms = this.run?.updater.norms.latest ?? {};
    this.#measures({
      parts,
      deadlineMs,
      trainers,
      bytes: peers.bytes,
      rejected: peers.rejected,
      checkpointAge,
      stepAge,
      norms,
    });
  }

  #checkpointAge(): number | null {
    if (this.#checkpointedAt !== undefined) return (performance.now() - this.#checkpointedAt) / 1000;
    const at = this.checkpoint?.at ?? null; // of the run that this one goes on from
    return at === null ? null : Math.max(0, Date.now() - at) / 1000;
  }

  /** Nothing is known of how long that checkpoint took. */
  goesOnFrom({ step, round, createdAt }: Pick<Manifest, "step" | "round" | "createdAt">): void {
    const paid = { pauseSeconds: null, bytes: null, bytesWritten: 0 };
    this.checkpoint = { step, round, at: createdAt, seconds: null, ...paid, lastError: null };
  }

  checkpointed({ step, round, seconds, pauseSeconds, bytes, error }: Outcome): void {
    const failed = error !== undefined;
    this.#metrics.counter("tributary_checkpoints_total").inc({ outcome: failed ? "failed" : "written" });
    this.#metrics.histogram("tributary_checkpoint_seconds").observe(seconds);
    this.#metrics.histogram("tributary_checkpoint_pause_seconds").observe(pauseSeconds);
    this.#metrics.counter("tributary_checkpoint_bytes_total").inc(bytes);
    this.#written += bytes;
    if (!failed) this.#checkpointedAt = performance.now();
    const paid = { pauseSeconds, bytes, bytesWritten: this.#written };
    const before = { ...(this.checkpoint ?? { step: null, round: null, at: null, seconds: null }), ...paid };
    this.checkpoint = failed
      ? { ...before, lastError: error instanceof Error ? error.message : String(error) }
      : { step, round, at: Date.now(), seconds, ...paid, lastError: null };
  }

  status(peers: Peers, scheduler: Scheduler, also: Pick<ServerStatus, "epochsWanted" | "heldUp">): ServerStatus {
    const { parts, deadlineMs, contributions, trainers, lonely } = scheduler.status();
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
      deadlineMs,
      contributions: { ...contributions, rejected: peers.rejected },
      loss: last ? { reconstruction: last.reconstruction, kl: last.kl, total: last.reconstruction + last.kl } : null,
      lossHistory: this.#lossHistory,
      norms: this.run?.updater.norms.total() ?? { gradient: null, update: null },
      local: this.run?.local ? standingOf(this.run.local.costs) : null,
      epochs: this.epochs,
      epoch: this.#epoch,
      work: this.#work,
      users: this.users,
      items: this.run?.store.config.items ?? 0,
      itemsWaiting: this.waiting.items,
      itemsForgotten: this.waiting.forgotten,
      eventsLeftOut: this.waiting.leftOut,
      tableVersion: this.tableVersion,
      watermark: this.watermark,
      freshness: this.#freshness.latency(),
      timings: this.#timings,
      cpu: cpu.accounts(),
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
      stepsPerMinute: this.#pace.perMinute(performance.now()),
      trainers: peers.list().map(({ id, name, engine, device = null, threads, shares, lastSeenAt }) => ({
        id,
        name,
        engine,
        device,
        threads,
        tensorsBy: shares ? "memory" : "socket",
        lastSeenAt,
        ...trainers.get(id)!, // the scheduler is told of each when it comes and when it goes
      })),
      checkpoint: this.checkpoint && { ...this.checkpoint, ageSeconds: this.#checkpointAge() },
      bytes: peers.bytes,
      bytesPerStep: this.#pace.bytesPerStep(),
      ...also,
    };
  }

  #hint(state: RunState, peers: Peers): string | null {
    if (state === "waiting for trainers")
      return `no trainer connected: start one with \`tributary trainer --server ${peers.url}\``;
    if (state === "waiting for events")
      return "the table holds too few events to train on: run `tributary replay` and `tributary ingest`";
    if (state === "idle") return "no new events for a while; training goes on when some arrive";
    return null;
  }
}
