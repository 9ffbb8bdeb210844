// Which part goes to whom. Pure; asked by leases.ts after every event. Trainers that answer in time carry the step. Newcomers, and who was suspect, first compute
// a part that a proven trainer computes or is about to compute as well: a slow start or a slow machine costs nobody a deadline.
import type { Lease, State, TrainerId } from "./leases.ts";

/** One at hand and one fetched ahead. */
const MOST_HELD = 2;

interface Match {
  readonly trainer: TrainerId;
  readonly part: number;
  readonly spare: boolean;
}

export function nextLease({ open, asking, trainers }: State): Match | undefined {
  if (!open || asking.length === 0) return undefined;
  const able = [...new Set(asking)].map((id) => [id, trainers.get(id)!] as const).filter(([, { clogged }]) => !clogged);
  if (able.length === 0) return undefined;
  const isOpen = ({ step }: Lease) => step === open.step;
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
  const idle = able.find(([, { standing, holds }]) => standing === "unproven" && holds.length === 0);
  if (!idle) return undefined;
  const spare = [...trainers.values()].some(({ standing, holds }) => standing === "proven" && holds.length > 0);
  // Least computed first; of those the last, whose turn comes last.
  const [part] = spare ? pending.sort((a, b) => leases[a]!.length - leases[b]!.length || b - a) : free;
  return part === undefined ? undefined : { trainer: idle[0], part, spare };
}
