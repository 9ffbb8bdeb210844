// Leases the parts of the open step to whoever asks. Pure: time is an argument, sending is an effect. desk.ts executes the effects.
import { unreachable } from "../../shared/runtime/errors.ts";
import type { Phase } from "../../shared/wire/messages.ts";

export type TrainerId = string;
export type Millis = number;

/** A step is open until every part has one contribution. Parts are numbered from 0. */
interface OpenStep {
  readonly step: number;
  readonly phase: Phase;
  readonly parts: readonly PartState[];
}

interface PartState {
  /** A contribution was accepted; whatever else comes for this part is late. */
  readonly done: boolean;
  /** Who computes it now. Undefined: free, or done. */
  readonly lease: { readonly trainer: TrainerId; readonly deadline: Millis } | undefined;
  /** Everybody who was ever sent it, and when (latest): a lease that ran out may still be answered first. */
  readonly sent: Readonly<Record<TrainerId, Millis>>;
}

export interface State {
  readonly open: OpenStep | undefined;
  /** Who waits for a part, in order; one entry is one part wanted. */
  readonly asking: readonly TrainerId[];
  /** Newest durations of parts by phase: what deadlines are made of. */
  readonly durations: Readonly<Partial<Record<Phase, readonly Millis[]>>>;
}

export type Event =
  | { type: "opened"; step: number; phase: Phase; parts: number; at: Millis }
  /** The run gave the open step up. */
  | { type: "closed"; at: Millis }
  | { type: "asked"; trainer: TrainerId; at: Millis }
  | { type: "contributed"; trainer: TrainerId; step: number; part: number; at: Millis }
  | { type: "left"; trainer: TrainerId; at: Millis }
  | { type: "ticked"; at: Millis };

export type Effect =
  | { type: "lease"; trainer: TrainerId; step: number; part: number; deadline: Millis }
  /** Keep this contribution; it is the first for its part. */
  | { type: "accept"; trainer: TrainerId; step: number; part: number; took: Millis }
  | { type: "late"; trainer: TrainerId; step: number; part: number }
  /** A contribution that was never leased to its sender: the peer is broken or hostile. */
  | { type: "unasked"; trainer: TrainerId; step: number; part: number }
  | { type: "expired"; trainer: TrainerId; step: number; part: number }
  /** Every part is there: the step can be applied, once. */
  | { type: "complete"; step: number };

export const initial: State = { open: undefined, asking: [], durations: {} };

/** Until some parts were timed; covers the start of an engine and its first, slow products. */
const FIRST_DEADLINE: Millis = 60_000;
const SHORTEST_DEADLINE: Millis = 2_000;
const TIMES_MEDIAN = 5;
/** Of one trainer at one time: a peer that only ever asks must not fill the server's memory. */
const MOST_ASKS = 4;
const TIMED = 21;
const ENOUGH = 3;

export function decide(state: State, event: Event): [State, Effect[]] {
  const [next, effects] = react(state, event);
  const [matched, leases] = match(next, event.at);
  return [matched, [...effects, ...leases]];
}

function react(state: State, event: Event): [State, Effect[]] {
  switch (event.type) {
    case "opened": {
      if (state.open) throw new Error(`step ${event.step} opened while ${state.open.step} is open`);
      const parts = Array.from({ length: event.parts }, (): PartState => ({ done: false, lease: undefined, sent: {} }));
      return [{ ...state, open: { step: event.step, phase: event.phase, parts } }, []];
    }
    case "closed":
      return [{ ...state, open: undefined }, []];
    case "asked":
      if (state.asking.filter((id) => id === event.trainer).length >= MOST_ASKS) return [state, []];
      return [{ ...state, asking: [...state.asking, event.trainer] }, []];
    case "contributed":
      return accept(state, event);
    case "left":
      return [
        { ...release(state, ({ trainer }) => trainer === event.trainer)[0], asking: state.asking.filter((id) => id !== event.trainer) },
        [],
      ];
    case "ticked":
      return release(state, ({ deadline }) => deadline <= event.at);
    default:
      return unreachable(event);
  }
}

function accept(state: State, { trainer, step, part, at }: Event & { type: "contributed" }): [State, Effect[]] {
  const { open } = state;
  if (!open || step < open.step) return [state, [{ type: "late", trainer, step, part }]];
  const current = step === open.step ? open.parts[part] : undefined;
  const sentAt = current?.sent[trainer];
  if (!current || sentAt === undefined) return [state, [{ type: "unasked", trainer, step, part }]];
  if (current.done) return [state, [{ type: "late", trainer, step, part }]];

  const took = at - sentAt;
  const durations = { ...state.durations, [open.phase]: [...(state.durations[open.phase] ?? []), took].slice(-TIMED) };
  const parts = open.parts.with(part, { ...current, done: true, lease: undefined });
  const accepted: Effect = { type: "accept", trainer, step, part, took };
  if (parts.every((each) => each.done)) return [{ ...state, durations, open: undefined }, [accepted, { type: "complete", step }]];
  return [{ ...state, durations, open: { ...open, parts } }, [accepted]];
}

/** Frees the parts whose lease the test names. */
function release(state: State, gone: (lease: NonNullable<PartState["lease"]>) => boolean): [State, Effect[]] {
  const { open } = state;
  if (!open) return [state, []];
  const effects: Effect[] = [];
  const parts = open.parts.map((part, index) => {
    if (!part.lease || !gone(part.lease)) return part;
    effects.push({ type: "expired", trainer: part.lease.trainer, step: open.step, part: index });
    return { ...part, lease: undefined };
  });
  return effects.length === 0 ? [state, []] : [{ ...state, open: { ...open, parts } }, effects];
}

/** Runs after every event: as long as a part is free and somebody asks, nobody waits. */
function match(state: State, at: Millis): [State, Effect[]] {
  const { open } = state;
  if (!open || state.asking.length === 0) return [state, []];
  const deadline = at + allowance(state.durations[open.phase] ?? []);
  const asking = [...state.asking];
  const effects: Effect[] = [];
  const parts = open.parts.map((part, index) => {
    if (part.done || part.lease || asking.length === 0) return part;
    const trainer = asking.shift()!;
    effects.push({ type: "lease", trainer, step: open.step, part: index, deadline });
    return { ...part, lease: { trainer, deadline }, sent: { ...part.sent, [trainer]: at } };
  });
  return effects.length === 0 ? [state, []] : [{ ...state, asking, open: { ...open, parts } }, effects];
}

/** How long a part may take before it is leased again. */
export function allowance(durations: readonly Millis[]): Millis {
  if (durations.length < ENOUGH) return FIRST_DEADLINE;
  const median = [...durations].sort((a, b) => a - b)[durations.length >> 1]!;
  return Math.max(SHORTEST_DEADLINE, TIMES_MEDIAN * median);
}
