// What was served to whoever came to something new, by parts of the stream, beside what counts alone: sums of the
// blocks that the evaluator keeps. Pure.
import type { Block, PrequentialLine } from "../../../../shared/judging/point.ts";
import { type Estimate, type Group, type Place, partEnds, partName } from "../../../../shared/judging/standing.ts";

/** As `benchmark --stream` calls them. */
export const scorers = [
  { name: "served", title: "served: the model, and what is laid over it" },
  { name: "continuous", title: "the model alone" },
  { name: "popular-now", title: "popular now, at once" },
  { name: "popular-late", title: "popular now, as late as the model" },
  { name: "co-visits", title: "co-visits, at once" },
  { name: "co-visits-late", title: "co-visits, as late as the model" },
  { name: "popular-ever", title: "popular since ever" },
] as const;
type ScorerName = (typeof scorers)[number]["name"];

const of: Readonly<Record<Exclude<ScorerName, "served">, keyof Block["lead"]>> = {
  continuous: "alone",
  "popular-now": "popularNow",
  "popular-late": "popularThen",
  "co-visits": "coVisits",
  "co-visits-late": "coVisitsThen",
  "popular-ever": "popularity",
};

export interface PartOfRun extends Group<ScorerName> {
  /** Published versions that ranked, those alone that were in use where a block ended. */
  readonly models: number;
  /** Events that came since a model's table version was pinned, on average over its blocks; null without one. */
  readonly behind: number | null;
}

interface Placed {
  readonly block: Block;
  readonly model: string;
  readonly behind: number;
  /** Events of the table in its middle. */
  readonly at: number;
}

/** Lines of before there were blocks say nothing. `given`: events at which parts end. */
export function partsOf(lines: readonly PrequentialLine[], given: readonly number[] | undefined): PartOfRun[] {
  const placed = placedIn(lines);
  const ends = partEnds(given, eventsOf(lines));
  return ends.map((end, k) => {
    const from = ends[k - 1] ?? 0;
    const own = placed.filter(({ at }) => at >= from && (at < end || k === ends.length - 1));
    const blocks = own.map(({ block }) => block);
    const behind =
      blocks.length === 0
        ? null
        : meanOf(
            own,
            ({ behind }) => behind,
            ({ block }) => block.events,
          );
    return {
      name: partName(from, end),
      arrivals: sumOf(blocks, ({ events }) => events),
      users: sumOf(blocks, ({ users }) => users),
      models: new Set(own.map(({ model }) => model)).size,
      behind: behind && Math.round(behind),
      places: Object.fromEntries(scorers.map(({ name }) => [name, placeOf(blocks, name)])),
    };
  });
}

/** Of the table, as far as it was told. */
export const eventsOf = (lines: readonly PrequentialLine[]): number =>
  lines.reduce((most, { tableEvents = 0 }) => Math.max(most, tableEvents), 0);

/** A block lies between the line before it and its own. */
function placedIn(lines: readonly PrequentialLine[]): Placed[] {
  let before = 0;
  return lines.flatMap(({ block, model, behind = 0, tableEvents }) => {
    const [from, to] = [before, tableEvents ?? before];
    before = to;
    return block ? [{ block, model, behind, at: (from + to) / 2 }] : [];
  });
}

type Metric = "recall@20" | "ndcg@100";

function placeOf(blocks: readonly Block[], name: ScorerName): Place {
  const arrivals = ({ events }: Block) => events;
  const both = (metric: Metric) => {
    if (name === "served") {
      const own = { value: (block: Block) => block[metric], error: (block: Block) => block[`${metric}:se`] };
      return { own: estimateOf(blocks, own, arrivals), lead: null };
    }
    const value = (block: Block) => block[of[name]]?.[metric] ?? Number.NaN;
    const own = { mean: meanOf(blocks, value, arrivals), standardError: Number.NaN };
    return { own, lead: leadOf(blocks, of[name], metric) };
  };
  const [recall, ndcg] = [both("recall@20"), both("ndcg@100")];
  const lead = recall.lead && ndcg.lead && { recall: recall.lead, ndcg: ndcg.lead };
  return { recall: recall.own, ndcg: ndcg.own, lead };
}

/**
 * Over users. Where blocks of before did not compare user by user, the difference of the means, and nobody knows how
 * sure it is.
 */
function leadOf(blocks: readonly Block[], other: keyof Block["lead"], metric: Metric): Estimate {
  if (blocks.every(({ lead }) => lead[other]))
    return estimateOf(
      blocks,
      { value: ({ lead }) => lead[other]![metric], error: ({ lead }) => lead[other]![`${metric}:se`] },
      ({ users }) => users,
    );
  const less = (block: Block) => block[metric] - (block[other]?.[metric] ?? Number.NaN);
  return { mean: meanOf(blocks, less, ({ events }) => events), standardError: Number.NaN };
}

interface Figure {
  value(block: Block): number;
  error(block: Block): number | undefined;
}

/** With fewer blocks nobody can say how they differ. */
const FEWEST_BLOCKS = 3;

/**
 * Mean over blocks, and how sure it is: by what users within them say, or by how blocks differ among themselves where
 * that is more. Who comes in several blocks counts in each, and a stream is not the same everywhere.
 */
function estimateOf(blocks: readonly Block[], { value, error }: Figure, weight: (block: Block) => number): Estimate {
  const mean = meanOf(blocks, value, weight);
  const all = sumOf(blocks, weight);
  const root = (of: (block: Block) => number) =>
    Math.sqrt(sumOf(blocks, (block) => (weight(block) * of(block)) ** 2)) / all;
  const within = root((block) => error(block) ?? Number.NaN);
  const { length } = blocks;
  const between = length < FEWEST_BLOCKS ? 0 : Math.sqrt(length / (length - 1)) * root((block) => value(block) - mean);
  return { mean, standardError: Math.max(within, between) };
}

const sumOf = <T>(list: readonly T[], value: (each: T) => number) => list.reduce((sum, each) => sum + value(each), 0);

const meanOf = <T>(list: readonly T[], value: (each: T) => number, weight: (each: T) => number): number =>
  sumOf(list, (each) => weight(each) * value(each)) / sumOf(list, weight);
