// A replayed stream as figures: places by part, along the stream, by how often an item was met and how much a user has
// met; what old users lose; which models were published. Pure.
import { type Group as Any, partName, Standing } from "../../../../shared/judging/standing.ts";
import { type ContestantName, contestant, type LearnerName, learners } from "./contestants.ts";
import type { Loss } from "./old-users.ts";
import type { Line } from "./ranking.ts";
import type { Judgement } from "./simulation.ts";

export type Group = Any<ContestantName>;

export interface Report {
  readonly stream: { readonly name: string; readonly events: number; readonly users: number; readonly items: number };
  /** Events a second, and seconds as they were asked for. */
  readonly pace: Readonly<Record<"rate" | "countsLag" | "round" | "modelLag", number>>;
  readonly seconds: number;
  readonly contestants: readonly { readonly name: ContestantName; readonly title: string }[];
  readonly parts: readonly Group[];
  readonly curve: readonly (Group & { readonly to: number })[];
  readonly byItem: readonly Group[];
  readonly byUser: readonly Group[];
  readonly oldUsers: {
    readonly users: number;
    /** Under the frozen model, then under the newest of each learner. */
    readonly under: readonly ({ readonly name: LearnerName | "frozen" } & Loss)[];
  } | null;
  readonly models: readonly {
    readonly name: LearnerName;
    readonly title: string;
    readonly published: number;
    readonly refused: number;
    readonly reasons: readonly string[];
  }[];
}

const CURVE = 40;
/** Users that had met the item when its version began: up to here, exclusive. */
const metBelow = [10, 100, 1_000, Number.POSITIVE_INFINITY];
const metNames = ["met by 0 to 9", "met by 10 to 99", "met by 100 to 999", "met by 1,000 or more"];
/** Items that the user had. */
const hadBelow = [1, 4, 9, Number.POSITIVE_INFINITY];
const hadNames = ["1st item", "2nd to 4th", "5th to 9th", "10th or later"];

/** Takes in what was ranked; a user's first items, which nobody can know, count among users alone. */
export function openTallies(wanted: readonly ContestantName[], events: number, ends: readonly number[]) {
  const open = (count: number) => Array.from({ length: count }, () => new Standing(wanted.length));
  const [parts, curve, byItem, byUser] = [ends.length, CURVE, metBelow.length, hadBelow.length].map(open) as [
    Standing[],
    Standing[],
    Standing[],
    Standing[],
  ];
  const endOf = (bin: number) => Math.ceil(((bin + 1) * events) / CURVE);
  const groups = (standings: readonly Standing[], name: (k: number) => string): Group[] =>
    standings.map((standing, k) => ({
      ...{ name: name(k), arrivals: standing.arrivals, users: standing.users },
      places: Object.fromEntries(standing.places().map((place, at) => [wanted[at]!, place])),
    }));
  return {
    add({ event, user, met, had, gains }: Line) {
      const add = (standing: Standing | undefined) => standing?.add(user, gains);
      add(byUser[hadBelow.findIndex((below) => had < below)]);
      if (had === 0) return;
      add(byItem[metBelow.findIndex((below) => met < below)]);
      add(parts[ends.findIndex((end) => event < end)]);
      add(curve[Math.min(CURVE - 1, Math.floor((event * CURVE) / events))]);
    },
    /** Arrivals so far. */
    get arrivals() {
      return curve.reduce((sum, { arrivals }) => sum + arrivals, 0);
    },
    figures: () => ({
      parts: groups(parts, (k) => partName(ends[k - 1] ?? 0, Math.min(ends[k]!, events))),
      curve: groups(curve, (k) => `to ${figure(endOf(k))}`).map((group, k) => ({ ...group, to: endOf(k) })),
      byItem: groups(byItem, (k) => metNames[k]!),
      byUser: groups(byUser, (k) => hadNames[k]!),
    }),
  };
}

export function modelsOf(judgements: readonly Judgement[]): Report["models"] {
  const seen = new Set(judgements.map(({ learner }) => learner));
  return (Object.keys(learners) as LearnerName[]).flatMap((name) => {
    if (!seen.has(name)) return [];
    const own = judgements.filter(({ learner }) => learner === name);
    const reasons = own.flatMap(({ reason }) => (reason === null ? [] : [reason]));
    const published = own.length - reasons.length;
    return [{ name, title: learners[name], published, refused: reasons.length, reasons }];
  });
}

export const titled = (names: readonly ContestantName[]) =>
  names.map((name) => ({ name, title: contestant(name).title }));

const figure = (count: number) => count.toLocaleString("en-US");
