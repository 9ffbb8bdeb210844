// Which part goes to whom. Pure; asked by leases.ts after every event. Trainers that answer in time carry the step.
// Newcomers, and who was suspect, first compute a part that a proven trainer computes or is about to compute as well: a
// slow start or a slow machine costs nobody a deadline. Proven trainers without work compute what another one takes
// long over, before its deadline (backup tasks: Dean and Ghemawat 2004, section 3.6).
import { type Millis, patience } from "./deadlines.ts";
import type { Lease, State, Trainer, TrainerId } from "./lease-state.ts";

/** One at hand and one fetched ahead. */
const MOST_HELD = 2;

interface Match {
  readonly trainer: TrainerId;
  readonly part: number;
  readonly spare: boolean;
}

export function nextLease(state: State, at: Millis): Match | undefined {
  const { open, trainers } = state;
  const able = ableOf(state);
  if (!open || able.length === 0) return undefined;
  const isOpen = isOf(open.step);
  const leases = open.parts.map((): Lease[] => []);
  for (const { holds } of trainers.values()) for (const lease of holds.filter(isOpen)) leases[lease.part]!.push(lease);
  const pending = [...open.parts.keys()].filter((part) => !open.parts[part]!.done);
  const free = pending.filter((part) => leases[part]!.every(({ spare }) => spare));

  // Who has nothing to do comes before who asks ahead.
  for (let held = 0; held < MOST_HELD; held++) {
    for (const [trainer, { standing, holds }] of able) {
      if (standing !== "proven" || holds.length !== held) continue;
      const part = free.find((each) => !holds.some((lease) => isOpen(lease) && lease.part === each));
      if (part !== undefined) return { trainer, part, spare: false };
    }
  }
  const backup = nextBackup(state);
  if (backup && backup.from <= at) return { trainer: backup.trainer, part: backup.part, spare: true };
  const idle = able.find(isIdle("unproven"));
  if (!idle) return undefined;
  const spare = [...trainers.values()].some(({ standing, holds }) => standing === "proven" && holds.length > 0);
  // Least computed first; of those the last, whose turn comes last.
  const [part] = spare ? pending.sort((a, b) => leases[a]!.length - leases[b]!.length || b - a) : free;
  return part === undefined ? undefined : { trainer: idle[0], part, spare };
}

/** Who has nothing to do from then on computes this part as well, if its answer is not there by then. */
export function nextBackup(
  state: State,
): { readonly trainer: TrainerId; readonly part: number; readonly from: Millis } | undefined {
  const { open, trainers, durations } = state;
  const idle = ableOf(state).find(isIdle("proven"));
  if (!open || !idle) return undefined;
  const relied = [...trainers.values()].filter(({ standing }) => standing !== "suspect");
  const parts = [...open.parts.keys()].flatMap((part) => {
    const [holder, second] = relied.filter(({ holds }) =>
      holds.some((lease) => isOf(open.step)(lease) && lease.part === part),
    );
    if (open.parts[part]!.done || !holder || second) return [];
    // The second part of a trainer waits behind the first.
    return [{ trainer: idle[0], part, from: holder.since + patience(durations, holder.holds[0]!.phase) }];
  });
  return parts.sort((a, b) => a.from - b.from)[0];
}

/** Who asks and takes in what it is sent, in the order of asking. */
const ableOf = ({ asking, trainers }: State) =>
  [...new Set(asking)].map((id) => [id, trainers.get(id)!] as const).filter(([, { clogged }]) => !clogged);

const isIdle =
  (as: Trainer["standing"]) =>
  ([, { standing, holds }]: readonly [TrainerId, Trainer]) =>
    standing === as && holds.length === 0;

const isOf = (open: number) => (lease: Lease) => lease.step === open;
