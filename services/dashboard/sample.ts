// One row of samples: what two looks at the services, some seconds apart, say of the time between them. Pure.
import type { Flow, Seen } from "../../shared/health/facts/flow.ts";
import { freshnessOf, latenciesOf } from "../../shared/health/facts/freshness.ts";
import { activities } from "../../shared/health/facts/training.ts";

export type Sample = Readonly<Record<string, number | null>>;

/** So long a service's last answer counts, ms. */
const fresh = 10_000;

/**
 * Columns of the section `samples`. `before` is the look of the sample before; rates are null without it, and where a
 * process began anew.
 */
export function sampleOf(before: Flow | null, flow: Flow): Sample {
  const seconds = before ? (flow.now - before.now) / 1000 : 0;
  const perSecond = (moved: number | null) => (moved === null || seconds <= 0 ? null : moved / seconds);
  const [now, then] = [flow.ingest, before?.ingest ?? null].map(heard) as [Ingest, Ingest];
  const { lag = null, partitions = [] } = now ?? {};
  const server = heard(flow.server);
  const beforeServer = heard(before?.server ?? null);
  const bytes = (of: (bytes: NonNullable<Server["bytes"]>) => number | null) =>
    perSecond(risen(beforeServer?.bytes ? of(beforeServer.bytes) : null, server?.bytes ? of(server.bytes) : null));
  return {
    "events:in": perSecond(
      advanced(then, now, ({ offset, lag }) => (offset === null || lag === null ? null : offset + lag)),
    ),
    "events:consumed": perSecond(advanced(then, now, ({ offset }) => offset)),
    lag: lag?.messages ?? null,
    ...Object.fromEntries(partitions.map(({ partition, lag }) => [`lag:${partition}`, lag])),
    ...stepTime(beforeServer, server),
    "norm:gradient": server?.norms?.gradient ?? null,
    "norm:update": server?.norms?.update ?? null,
    freshness: freshnessOf(flow),
    "freshness:p95": latenciesOf(flow).published?.p95 ?? null,
    "freshness:answer": latenciesOf(flow).answer?.p95 ?? null,
    "freshness:table": latenciesOf(flow).table?.p95 ?? null,
    "freshness:gradient": latenciesOf(flow).gradient?.p95 ?? null,
    "wire:sent": bytes(({ sent }) => sent),
    "wire:received": bytes(({ received }) => received),
    "wire:memory": bytes(({ memory }) => (memory ? (memory.sent ?? 0) + (memory.received ?? 0) : null)),
    ...ofTrainers(flow, "memory", ({ memoryBytes }) => memoryBytes),
    ...ofTrainers(flow, "tensors", ({ tensors }) => tensors),
  };
}

type Ingest = NonNullable<Flow["ingest"]>["status"];
type Server = NonNullable<NonNullable<Flow["server"]>["status"]>;

/** What a service says, unless it has been silent for too long. */
function heard<T>(seen: Seen<T> | null): T | null {
  return seen && seen.silence < fresh ? seen.status : null;
}

/** Of a counter; null where it fell: another process counts. */
function risen(before: number | null, now: number | null): number | null {
  return before === null || now === null || now < before ? null : now - before;
}

/** How far the partitions that both looks know have moved, added up. */
function advanced(
  before: Ingest,
  now: Ingest,
  of: (partition: NonNullable<Ingest>["partitions"][number]) => number | null,
): number | null {
  const there = new Map(before?.partitions.map((partition) => [partition.partition, of(partition)]));
  const moved = (now?.partitions ?? []).flatMap(
    (partition) => risen(there.get(partition.partition) ?? null, of(partition)) ?? [],
  );
  return moved.length === 0 ? null : moved.reduce((a, b) => a + b);
}

/** Seconds that a trainer spent on each activity while the server took a step: together what a step takes. */
function stepTime(before: Server | null, now: Server | null): Sample {
  const steps = risen(before?.step ?? null, now?.step ?? null) ?? 0;
  const there = new Map(before?.trainers.map((trainer) => [trainer.id, trainer.seconds]));
  const spent = (now?.trainers ?? []).flatMap(({ id, seconds }) => {
    const earlier = there.get(id);
    if (!seconds || !earlier) return [];
    const each = activities.map((activity) => risen(earlier[activity], seconds[activity]));
    return each.includes(null) ? [] : [each as number[]];
  });
  const mean = (k: number) => spent.reduce((sum, each) => sum + each[k]!, 0) / spent.length / steps;
  return Object.fromEntries(
    activities.map((activity, k) => [`step:${activity}`, steps === 0 || spent.length === 0 ? null : mean(k)]),
  );
}

function ofTrainers(
  { trainers }: Flow,
  prefix: string,
  of: (status: NonNullable<Flow["trainers"][number]["status"]>) => number | null,
): Sample {
  return Object.fromEntries(
    trainers.flatMap((seen) => {
      const status = heard(seen);
      return status ? [[`${prefix}:${seen.process.pid}`, of(status)]] : [];
    }),
  );
}
