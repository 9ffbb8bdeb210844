// More trainers than this machine has: a discrete-event simulation of one server, its link and N trainers, around the
// real machine that leases parts. Pure: the clock is a number, chance is keyed. Times in ms.
import { uniform } from "../../../shared/compute/draws.ts";
import type { Phase } from "../../../shared/training/phases.ts";
import { Agenda, Queue } from "./event-queue.ts";

/** What of the machine's events occurs here. */
type LeaseEvent =
  | { type: "opened"; step: number; phase: Phase; parts: number; at: number }
  | { type: "asked"; trainer: string; at: number }
  | { type: "contributed"; trainer: string; step: number; part: number; finite: true; at: number }
  | { type: "ticked"; at: number };

/**
 * Decides who gets which part: shared/training/leases.ts. Only leases and the completion of a step change the world
 * here.
 */
export interface Machine<S> {
  readonly initial: S;
  decide(state: S, event: LeaseEvent): readonly [S, readonly LeaseEffect[]];
}
interface LeaseEffect {
  readonly type: string;
  readonly trainer?: string;
  readonly part?: number;
}

/** What a step is made of, whoever computes it. */
export interface Workload {
  readonly phase: Phase;
  readonly parts: number;
  /** A trainer's arithmetic of one part, and what else it does for it. */
  readonly computeMs: number;
  readonly handlingMs: number;
  /** Of the server: once a step, before it is opened; for each contribution. */
  readonly stepMs: number;
  readonly contributionMs: number;
  /** Weights go to each trainer whose first part of the step this is, inputs with each lease, the answer back. */
  readonly weightBytes: number;
  readonly leaseBytes: number;
  readonly answerBytes: number;
}

/** The server's link, each way; all trainers share it. Theirs are no slower. */
export interface Network {
  readonly bitsPerSecond: number;
  /** One way. */
  readonly latencyMs: number;
}

interface Run {
  readonly trainers: number;
  readonly steps: number;
  /** A part takes up to this share more or less. */
  readonly jitter: number;
  readonly seed: number;
  /** The first trainer answers nothing from this step on. */
  readonly stallsAt?: number;
}

interface Outcome {
  readonly milliseconds: number;
  /** Share of the trainers' time in which they compute. */
  readonly computing: number;
}

const TICK_MS = 200;

export function simulate<S>(machine: Machine<S>, work: Workload, network: Network, run: Run): Outcome {
  const agenda = new Agenda();
  const server = new Queue(agenda);
  const [down, up] = [new Queue(agenda), new Queue(agenda)];
  const onLink = (bytes: number) => (8 * bytes * 1000) / network.bitsPerSecond;
  const speed = uniform(run.seed, 1, run.jitter, new Float32Array(run.steps * work.parts));
  const holds = new Map<string, number>();
  const trainers = new Map(Array.from({ length: run.trainers }, (_, k) => [nameOf(k), new Queue(agenda)]));
  let state = machine.initial;
  let step = -1;
  let computing = 0;

  const tell = (event: LeaseEvent): void => {
    const [next, effects] = machine.decide(state, event);
    state = next;
    for (const { type, trainer, part } of effects) {
      if (type === "lease") lease(trainer!, part!);
      if (type === "complete") open();
    }
  };

  function open(): void {
    if (++step === run.steps) return;
    server.after(work.stepMs, (at) => tell({ type: "opened", step, phase: work.phase, parts: work.parts, at }));
  }

  function lease(trainer: string, part: number): void {
    const leased = step;
    const isNew = holds.get(trainer) !== leased;
    holds.set(trainer, leased);
    down.after(onLink(work.leaseBytes + (isNew ? work.weightBytes : 0)), () =>
      agenda.after(network.latencyMs, () => compute(trainer, leased, part)),
    );
  }

  function compute(trainer: string, leased: number, part: number): void {
    if (trainer === nameOf(0) && leased >= (run.stallsAt ?? Number.POSITIVE_INFINITY)) return;
    const takes = work.computeMs * (1 + speed[leased * work.parts + part]!);
    computing += takes;
    const startsIn = trainers
      .get(trainer)!
      .after(work.handlingMs + takes, () => agenda.after(network.latencyMs, () => answer(trainer, leased, part)));
    // It asks ahead: the next part's inputs are to be here when this one is done.
    agenda.after(startsIn + network.latencyMs, (at) => tell({ type: "asked", trainer, at }));
  }

  function answer(trainer: string, answered: number, part: number): void {
    up.after(onLink(work.answerBytes), () =>
      server.after(work.contributionMs, (at) =>
        tell({ type: "contributed", trainer, step: answered, part, finite: true, at }),
      ),
    );
  }

  const tick = (at: number) => {
    tell({ type: "ticked", at });
    agenda.after(TICK_MS, tick);
  };
  for (const trainer of trainers.keys()) tell({ type: "asked", trainer, at: 0 });
  open();
  agenda.after(TICK_MS, tick);
  while (step < run.steps) agenda.next();
  return { milliseconds: agenda.now, computing: computing / (run.trainers * agenda.now) };
}

const nameOf = (trainer: number) => `t${trainer}`;
