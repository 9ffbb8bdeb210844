// Which part goes to whom. Pure; asked by leases.ts after every event. Trainers that answer in time carry the step. Newcomers, and who was suspect, first compute
// a part that a proven trainer computes or is about to compute as well: a slow start or a slow machine costs nobody a deadline.
import type { State, Trainer, TrainerId } from "./leases.ts";

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
  const pending = open.parts.flatMap(({ done }, part) => (done ? [] : [part]));
  const leasesOf = (part: number) =>
    [...trainers.values()].flatMap(({ holds }) => holds.filter((lease) => lease.step === open.step && lease.part === part));
  const isNew = (part: number, { holds }: Trainer) => !holds.some((lease) => lease.step === open.step && lease.part === part);
  const free = pending.filter((part) => leasesOf(part).every(({ spare }) => spare));

  // Who has nothing to do comes before who asks ahead.
  for (let held = 0; held < MOST_HELD; held++) {
    for (const [trainer, record] of able) {
      if (record.standing !== "proven" || record.holds.length !== held) continue;
      const part = free.find((each) => isNew(each, record));
      if (part !== undefined) return { trainer, part, spare: false };
    }
  }
  const spare = [...trainers.values()].some(({ standing, holds }) => standing === "proven" && holds.length > 0);
  // Least computed first; of those the last, whose turn comes last.
  const crowd = (part: number) => leasesOf(part).length;
  const [part] = spare ? pending.sort((a, b) => crowd(a) - crowd(b) || b - a) : free;
  const idle = able.find(([, { standing, holds }]) => standing === "unproven" && holds.length === 0);
  return idle && part !== undefined ? { trainer: idle[0], part, spare } : undefined;
}
