// What the services say themselves of the way of an event, for `bench fresh`: seconds to each stage, by the marked
// events that reached it between two looks, and between the stages the rounds and the evaluations that ended.
import { askAll } from "../../../shared/health/answers.ts";
import { type Flow, flowOf } from "../../../shared/health/facts/flow.ts";
import type { Stage } from "../../../shared/health/status/freshness.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { quantile } from "./closed-loop.ts";

/** Seconds. */
export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
}

export type Stages = Readonly<Record<Stage, Quantiles & { readonly events: number }>>;

export interface Between {
  /** From the end of one to the end of the next. */
  readonly rounds: Counted;
  readonly evaluations: Counted;
  /** Of an evaluation. */
  readonly parts: Readonly<Record<string, Counted>>;
}
type Counted = Quantiles & { readonly count: number };

/** Of each stage, the service that times it. */
const timedBy = { answer: "serve", table: "ingest", gradient: "server", published: "evaluator" } as const;

export const flowNow = async (dir: string): Promise<Flow> => flowOf(await askAll(pathsOf(dir).run, 2_000), Date.now());

interface Timed {
  /** ms since 1970. */
  readonly at: number;
  readonly flow: Flow;
  /** Marked events by stage and bucket of the histogram: bound -> how many took no longer. */
  readonly stages: ReadonlyMap<Stage, ReadonlyMap<number, number>>;
}

export async function timed(dir: string): Promise<Timed> {
  const flow = await flowNow(dir);
  const stages = await Promise.all(
    Object.entries(timedBy).map(async ([stage, service]) => {
      const { url } = flow.processes.find((process) => process.service === service)!;
      const text = await (await fetch(`${url}/metrics`)).text();
      const lines = text.matchAll(/^tributary_freshness_seconds_bucket\{le="([^"]+)",.*\} (\d+)$/gm);
      const buckets = [...lines].map(([, bound, count]) => [Number(bound!.replace("+Inf", "Infinity")), Number(count)]);
      return [stage as Stage, new Map(buckets as [number, number][])] as const;
    }),
  );
  return { at: flow.now, flow, stages: new Map(stages) };
}

export function stagesBetween(before: Timed, after: Timed): { stages: Stages; between: Between } {
  const of = (stage: Stage) => {
    const buckets = [...after.stages.get(stage)!].map(
      ([bound, count]) => [bound, count - (before.stages.get(stage)?.get(bound) ?? 0)] as const,
    );
    return { p50: within(buckets, 0.5), p95: within(buckets, 0.95), events: buckets.at(-1)?.[1] ?? 0 };
  };
  const stages = { answer: of("answer"), table: of("table"), gradient: of("gradient"), published: of("published") };
  const { server, evaluator } = after.flow;
  const ends = (server?.status?.lossHistory ?? []).flatMap(({ at }) => (at !== null && at > before.at ? [at] : []));
  const evaluations = (evaluator?.status?.evaluations ?? []).filter(({ at }) => at > before.at);
  const parts = [...new Set(evaluations.flatMap(({ took }) => Object.keys(took ?? {})))];
  const tookIn = (part: string) =>
    evaluations.flatMap(({ took }) => (took as Readonly<Record<string, number | null>> | undefined)?.[part] ?? []);
  return {
    stages,
    between: {
      rounds: counted(ends.slice(1).map((at, k) => (at - ends[k]!) / 1000)),
      evaluations: counted(evaluations.flatMap(({ seconds }) => seconds ?? [])),
      parts: Object.fromEntries(parts.map((part) => [part, counted(tookIn(part))])),
    },
  };
}

function counted(seconds: readonly number[]): Counted {
  const ascending = Float64Array.from(seconds).sort();
  return { p50: quantile(ascending, 0.5), p95: quantile(ascending, 0.95), count: seconds.length };
}

/** The quantile of a histogram, evenly spread within a bucket, as Prometheus has it. */
function within(buckets: readonly (readonly [bound: number, count: number])[], share: number): number {
  const wanted = share * (buckets.at(-1)?.[1] ?? 0);
  let [lower, below] = [0, 0];
  for (const [bound, count] of buckets) {
    if (count >= wanted && count > below)
      return Number.isFinite(bound) ? lower + ((bound - lower) * (wanted - below)) / (count - below) : lower;
    [lower, below] = [bound, count];
  }
  return Number.NaN;
}
