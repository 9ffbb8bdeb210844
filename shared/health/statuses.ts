// What the services' /status answers say, read with tolerance: an unknown or missing figure becomes null, so that an older or newer service still shows.
import { z } from "zod";
import { behindOf } from "./freshness.ts";
import { combine, type IngestStatus, ingestStatus } from "./ingest.ts";
import { type Latencies, latency } from "./latency.ts";
import { curve } from "./prequential.ts";
import { list, maybe, number, text } from "./tolerant.ts";
import { type ServerStatus, serverStatus } from "./training.ts";

/** One registered process and the newest answer of its /status. */
export interface Answer {
  readonly service: string;
  readonly pid: number;
  readonly url: string;
  readonly startedAt: number;
  /** Null before the first answer. */
  readonly status: unknown;
  readonly answeredAt: number | null;
}

const metrics = z.object({
  ...{ "ndcg@100": number, "recall@20": number, "recall@50": number },
  ...{ "ndcg@100:se": number, "recall@20:se": number, "recall@50:se": number },
});

const replay = z.object({ source: text, produced: number, total: number, ratePerSecond: number, done: z.boolean().catch(false) });
const trainer = z.object({ state: text, engine: text, parts: number, tensors: number, memoryBytes: number });
const evaluator = z.object({
  state: text,
  freshness: latency,
  prequential: curve,
  evaluations: list(
    z.object({ at: z.number(), round: number, model: maybe(metrics), popularity: maybe(metrics), outcome: text, reason: text }),
  ),
  published: maybe(
    z.object({ version: text, at: number, watermark: number, round: number, metrics: maybe(metrics), popularity: maybe(metrics) }),
  ),
  pinned: text,
});
const serve = z.object({ model: text, requests: number, errors: number });
/** How `up` fares with what it keeps running. */
const up = z.object({
  services: list(z.object({ name: z.string(), state: text, level: text, deaths: number, seconds: number, reason: text })),
});

/** A process that is there; `status` is null until it has answered once. */
export interface Seen<T> {
  readonly process: Answer;
  readonly status: T | null;
  /** Milliseconds since it last answered, or since it started when it never has. */
  readonly silence: number;
}

/** The whole flow at one moment, stage by stage; null where no process is registered. */
export interface Flow {
  readonly now: number;
  readonly replay: Seen<z.output<typeof replay>> | null;
  /** Every ingest process as one; the process named is the one that has been silent for longest. */
  readonly ingest: Seen<IngestStatus> | null;
  readonly server: Seen<ServerStatus> | null;
  readonly trainers: readonly Seen<z.output<typeof trainer>>[];
  readonly evaluator: Seen<z.output<typeof evaluator>> | null;
  readonly serve: Seen<z.output<typeof serve>> | null;
  /** Null where the services were started otherwise. */
  readonly up: Seen<z.output<typeof up>> | null;
  /** Every process but the dashboards and `up`, which is no stage of the flow, in the order in which data flows. */
  readonly processes: readonly Answer[];
}

const order = ["replay", "ingest", "server", "trainer", "evaluator", "serve"];

/** `now` in ms since 1970. Of several processes of one service the newest is shown, but all trainers, and all of ingest as one. */
export function flowOf(answers: readonly Answer[], now: number): Flow {
  const rank = (answer: Answer) => (order.indexOf(answer.service) + order.length + 1) % (order.length + 1);
  const sorted = [...answers].sort((a, b) => rank(a) - rank(b) || a.startedAt - b.startedAt);
  const processes = sorted.filter((a) => a.service !== "dashboard" && a.service !== "up");
  const all = <T extends z.ZodType>(service: string, schema: T): Seen<z.output<T>>[] =>
    sorted
      .filter((answer) => answer.service === service)
      .map((process) => ({
        process,
        status: schema.safeParse(process.status).data ?? null,
        silence: now - (process.answeredAt ?? process.startedAt),
      }));
  const newest = <T extends z.ZodType>(service: string, schema: T) => all(service, schema).at(-1) ?? null;
  return {
    now,
    replay: newest("replay", replay),
    ingest: asOne(all("ingest", ingestStatus)),
    server: newest("server", serverStatus),
    trainers: all("trainer", trainer),
    evaluator: newest("evaluator", evaluator),
    serve: newest("serve", serve),
    up: newest("up", up),
    processes,
  };
}

function asOne(all: readonly Seen<IngestStatus>[]): Seen<IngestStatus> | null {
  const quietest = all.reduce<Seen<IngestStatus> | null>((found, each) => (found && found.silence > each.silence ? found : each), null);
  return quietest && { ...quietest, status: combine(all.flatMap(({ status }) => status ?? [])) };
}

/** Ms: after so much silence nobody knows what has arrived since. */
const silent = 5000;

/** Seconds by which the published model is behind the newest event; 0 when it covers every event that is known here, null while there is no model or no clock to tell by. */
export function freshnessOf({ now, ingest, evaluator }: Flow): number | null {
  const { watermark = null, at = null } = evaluator?.status?.published ?? {};
  if (watermark === null) return null;
  const isSilent = ingest !== null && ingest.silence > silent;
  return behindOf({ watermark, at }, isSilent ? null : (ingest?.status?.newestArrival ?? 0), now);
}

/** From a marked event's arrival to each stage, as far as the services tell. */
export function latenciesOf({ ingest, server, evaluator }: Flow): Latencies {
  const of = (seen: Seen<{ freshness: Latencies["table"] }> | null) => seen?.status?.freshness ?? null;
  return { table: of(ingest), gradient: of(server), published: of(evaluator) };
}
