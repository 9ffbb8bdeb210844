// The whole flow at one moment: every process that is registered, and what it says, stage by stage. Pure.
import { type Reading, readingOf, type readings } from "../status/readings.ts";
import { combine, type Ingest } from "./ingest.ts";

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
  readonly replay: Seen<Reading<"replay">> | null;
  /** Every ingest process as one; the process named is the one that has been silent for longest. */
  readonly ingest: Seen<Ingest> | null;
  readonly server: Seen<Reading<"server">> | null;
  readonly trainers: readonly Seen<Reading<"trainer">>[];
  readonly evaluator: Seen<Reading<"evaluator">> | null;
  readonly serve: Seen<Reading<"serve">> | null;
  /** Null where the services were started otherwise. */
  readonly up: Seen<Reading<"up">> | null;
  /** Every process but the dashboards and `up`, which is no stage of the flow, in the order in which data flows. */
  readonly processes: readonly Answer[];
}

const order = ["replay", "ingest", "server", "trainer", "evaluator", "serve"];

/**
 * `now` in ms since 1970. Of several processes of one service the newest is shown, but all trainers, and all of ingest
 * as one.
 */
export function flowOf(answers: readonly Answer[], now: number): Flow {
  const rank = (answer: Answer) => (order.indexOf(answer.service) + order.length + 1) % (order.length + 1);
  const sorted = [...answers].sort((a, b) => rank(a) - rank(b) || a.startedAt - b.startedAt);
  const processes = sorted.filter((a) => a.service !== "dashboard" && a.service !== "up");
  const all = <S extends keyof typeof readings>(service: S): Seen<Reading<S>>[] =>
    sorted
      .filter((answer) => answer.service === service)
      .map((process) => ({
        process,
        status: readingOf(service, process.status),
        silence: now - (process.answeredAt ?? process.startedAt),
      }));
  const newest = <S extends keyof typeof readings>(service: S) => all(service).at(-1) ?? null;
  return {
    now,
    replay: newest("replay"),
    ingest: asOne(all("ingest")),
    server: newest("server"),
    trainers: all("trainer"),
    evaluator: newest("evaluator"),
    serve: newest("serve"),
    up: newest("up"),
    processes,
  };
}

function asOne(all: readonly Seen<Reading<"ingest">>[]): Seen<Ingest> | null {
  const quietest = all.reduce<Seen<Reading<"ingest">> | null>(
    (found, each) => (found && found.silence > each.silence ? found : each),
    null,
  );
  return quietest && { ...quietest, status: combine(all.flatMap(({ status }) => status ?? [])) };
}
