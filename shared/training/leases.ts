// Leases the parts of the open step to whoever asks. Pure: time is an argument, sending is an effect. scheduler.ts
// executes the effects, matching.ts chooses who gets which part. A deadline belongs to a trainer, which computes one
// part at a time: whoever lets one pass is suspect and gets nothing until it answers.
import { unreachable } from "../errors/errors.ts";
import { allowance, type Durations, type Millis, timed } from "./deadlines.ts";
import type { Lease, PartState, State, Trainer, TrainerId } from "./lease-state.ts";
import { nextBackup, nextLease } from "./matching.ts";
import type { Phase } from "./phases.ts";

interface Named {
  readonly trainer: TrainerId;
  readonly step: number;
  readonly part: number;
}

export type Event =
  | { type: "opened"; step: number; phase: Phase; parts: number; at: Millis }
  /** The run gave the open step up. */
  | { type: "closed"; at: Millis }
  | { type: "asked"; trainer: TrainerId; at: Millis }
  | ({ type: "contributed"; finite: boolean; at: Millis } & Named)
  | { type: "clogged" | "flowing"; trainer: TrainerId; at: Millis }
  | { type: "left"; trainer: TrainerId; at: Millis }
  | { type: "ticked"; at: Millis };

export type Effect =
  | ({ type: "lease" } & Named)
  /** Keep this contribution; it is the first for its part. */
  | ({ type: "accept"; took: Millis } & Named)
  /** The step is over, or another trainer's answer came first. */
  | ({ type: "late" } & Named)
  /** The same trainer answered this part before. */
  | ({ type: "duplicate" } & Named)
  /** A contribution that was never leased to its sender: the peer is broken or hostile. */
  | ({ type: "unasked" } & Named)
  /** An answer that is not finite: drop the peer, whose parts others compute now. */
  | ({ type: "spoiled" } & Named)
  /** No trainer has a finite answer to this part: the run itself is at fault. */
  | { type: "poisoned"; step: number; part: number }
  | ({ type: "expired" } & Named)
  /** Every part is there: the step can be applied, once. */
  | { type: "complete"; step: number };

export const initial: State = { open: undefined, asking: [], trainers: new Map(), durations: {} };

const newcomer: Trainer = { standing: "unproven", clogged: false, holds: [], since: 0 };
/** Of one trainer at one time: a peer that only ever asks must not fill the server's memory. */
const MOST_ASKS = 4;

export function decide(state: State, event: Event): [State, Effect[]] {
  let [next, effects] = react(state, event);
  // Whatever happened: as long as a part is free and somebody may have it, nobody waits.
  for (let lease = nextLease(next, event.at); lease; lease = nextLease(next, event.at)) {
    const { trainer, part, spare } = lease;
    const { step, phase } = next.open!;
    const { holds, since } = next.trainers.get(trainer)!;
    next = change(next, trainer, {
      holds: [...holds, { step, part, phase, spare }],
      since: holds.length === 0 ? event.at : since,
    });
    const asked = next.asking.indexOf(trainer);
    next = { ...next, asking: next.asking.toSpliced(asked, 1) };
    effects = [...effects, { type: "lease", trainer, step, part }];
  }
  return [next, effects];
}

/**
 * When it must hear of the time, unless something happens before: the next deadline passes, or who idles takes over
 * what is overdue.
 */
export function nextTick(state: State): Millis | undefined {
  const deadlines = [...state.trainers.values()].flatMap((trainer) => deadlineOf(trainer, state.durations) ?? []);
  const backup = nextBackup(state);
  const moments = backup ? [...deadlines, backup.from] : deadlines;
  return moments.length > 0 ? Math.min(...moments) : undefined;
}

/** What a contribution is: only the first answer of all to a part is worth reading. */
export function worth(
  { open, trainers }: State,
  { trainer, step, part }: Named,
): "first" | "late" | "duplicate" | "unasked" {
  if (!open || step < open.step) return "late";
  const found = step === open.step ? open.parts[part] : undefined;
  if (found?.answered.includes(trainer)) return "duplicate";
  if (!found || !trainers.get(trainer)?.holds.some(isFor(step, part))) return "unasked";
  return found.done ? "late" : "first";
}

function react(state: State, event: Event): [State, Effect[]] {
  switch (event.type) {
    case "opened": {
      if (state.open) throw new Error(`step ${event.step} opened while ${state.open.step} is open`);
      const parts = Array.from(
        { length: event.parts },
        (): PartState => ({ done: false, answered: [], spoiled: false }),
      );
      return [{ ...state, open: { step: event.step, phase: event.phase, parts } }, []];
    }
    case "closed":
      return [{ ...state, open: undefined }, []];
    case "asked":
      if (state.asking.filter((id) => id === event.trainer).length >= MOST_ASKS) return [state, []];
      return [{ ...change(state, event.trainer, {}), asking: [...state.asking, event.trainer] }, []];
    case "contributed":
      return contributed(state, event);
    case "clogged":
    case "flowing":
      return [change(state, event.trainer, { clogged: event.type === "clogged" }), []];
    case "left":
      return [without(state, event.trainer), []];
    case "ticked":
      return expired(state, event.at);
    default:
      return unreachable(event);
  }
}

function contributed(state: State, event: Event & { type: "contributed" }): [State, Effect[]] {
  const { trainer, step, part, finite, at } = event;
  const outcome = worth(state, event);
  if (outcome === "unasked") return [state, [{ type: outcome, trainer, step, part }]];
  if (outcome === "first" && !finite) return spoiled(state, event);

  const { holds, since } = state.trainers.get(trainer) ?? newcomer;
  const place = holds.findIndex(isFor(step, part));
  let next = state;
  if (place >= 0) {
    const took = at - since;
    const inTime = took <= allowance(state.durations, holds[place]!.phase);
    // The next one's time begins now: it is computed where this one was.
    next = change(next, trainer, {
      holds: holds.toSpliced(place, 1),
      since: at,
      standing: inTime ? "proven" : "unproven",
    });
    if (outcome === "first") next = { ...next, durations: timed(state.durations, holds[place]!.phase, took) };
  }
  if (state.open?.step === step && outcome !== "duplicate") next = answered(next, trainer, part);
  if (outcome !== "first") return [next, [{ type: outcome, trainer, step, part }]];

  const accepted: Effect = { type: "accept", trainer, step, part, took: at - since };
  if (!next.open!.parts.every(({ done }) => done)) return [next, [accepted]];
  return [{ ...next, open: undefined }, [accepted, { type: "complete", step }]];
}

/**
 * One trainer's arithmetic may be broken; where a second one finds the same, or there is no second, the numbers
 * themselves are.
 */
function spoiled(state: State, { trainer, step, part }: Named): [State, Effect[]] {
  const open = state.open!;
  const effects: Effect[] = [{ type: "spoiled", trainer, step, part }];
  const alone = state.trainers.size === 1;
  const next = without(state, trainer);
  if (open.parts[part]!.spoiled || alone)
    return [{ ...next, open: undefined }, [...effects, { type: "poisoned", step, part }]];
  const parts = open.parts.with(part, { ...open.parts[part]!, spoiled: true });
  return [{ ...next, open: { ...open, parts } }, effects];
}

/**
 * Who let its deadline pass is not relied on any more: all that it holds is free, since the second part waits behind
 * the first.
 */
function expired(state: State, at: Millis): [State, Effect[]] {
  let next = state;
  const effects: Effect[] = [];
  for (const [id, trainer] of state.trainers) {
    const deadline = deadlineOf(trainer, state.durations);
    if (deadline === undefined || deadline > at) continue;
    const [{ step, part, spare }] = trainer.holds as [Lease];
    next = change(next, id, { standing: "suspect", holds: trainer.holds.map((lease) => ({ ...lease, spare: true })) });
    if (!spare) effects.push({ type: "expired", trainer: id, step, part });
  }
  return [next, effects];
}

function deadlineOf({ standing, holds, since }: Trainer, durations: Durations): Millis | undefined {
  return standing === "suspect" || !holds[0] ? undefined : since + allowance(durations, holds[0].phase);
}

const isFor = (step: number, part: number) => (lease: Lease) => lease.step === step && lease.part === part;

function answered(state: State, id: TrainerId, part: number): State {
  const open = state.open!;
  const found = open.parts[part]!;
  return {
    ...state,
    open: { ...open, parts: open.parts.with(part, { ...found, done: true, answered: [...found.answered, id] }) },
  };
}

function change(state: State, id: TrainerId, to: Partial<Trainer>): State {
  return { ...state, trainers: new Map(state.trainers).set(id, { ...(state.trainers.get(id) ?? newcomer), ...to }) };
}

function without(state: State, id: TrainerId): State {
  const trainers = new Map(state.trainers);
  trainers.delete(id);
  return { ...state, trainers, asking: state.asking.filter((each) => each !== id) };
}
