// The health of the whole flow, for eyes: verdict, freshness, boxes, tiles, processes. The page and `status` show the
// same. Pure.
import { type CurvePoint, newestPoint } from "../facts/curve.ts";
import type { Answer, Flow } from "../facts/flow.ts";
import { freshnessOf, type Latencies, latenciesOf } from "../facts/freshness.ts";
import type { Ingest } from "../facts/ingest.ts";
import { type Training, trainingOf } from "../facts/training.ts";
import { problemsOf } from "../rules/rules.ts";
import { commonOf } from "../status/readings.ts";
import { boxesOf } from "./boxes.ts";
import type { Figure } from "./figures.ts";
import type { Laid } from "./mix.ts";
import { type ShownProblem, shown } from "./problems.ts";
import type { Recent } from "./recent.ts";
import type { Remembered } from "./remember.ts";
import { tilesOf } from "./tiles.ts";
import { type Verdict, verdictOf } from "./verdict.ts";

interface ProcessRow {
  readonly service: string;
  readonly pid: number;
  readonly url: string;
  readonly state: string;
  readonly answers: boolean;
  readonly startedAt: number;
}

export interface Health {
  /** ms since 1970 */
  readonly at: number;
  readonly verdict: Verdict;
  /** Seconds; null while no model is published. */
  readonly freshness: number | null;
  /** How long marked events took to get there. */
  readonly latencies: Latencies;
  /** The newest point of the prequential curve; null before the first. */
  readonly prequential: CurvePoint | null;
  /** What is laid over the published model's scores; null where that is not told. */
  readonly mix: Laid | null;
  readonly lag: number | null;
  readonly problems: readonly ShownProblem[];
  /** Problems that were seen since somebody looks; those that last first. */
  readonly recent: readonly Recent[];
  readonly boxes: readonly Figure[];
  readonly tiles: readonly Figure[];
  /** What ingest counts, all its processes as one; null while none answers. */
  readonly ingest: Ingest | null;
  /** How the open step and its trainers stand; null before the parameter server has answered. */
  readonly training: Training | null;
  readonly services: readonly ProcessRow[];
}

export function healthOf(flow: Flow, memory: Remembered): Health {
  const problems = problemsOf(flow, memory);
  return {
    at: flow.now,
    verdict: verdictOf(flow, problems),
    freshness: freshnessOf(flow),
    latencies: latenciesOf(flow),
    prequential: newestPoint(flow),
    mix: flow.evaluator?.status?.published?.mix ?? null,
    lag: flow.ingest?.status?.lag?.messages ?? null,
    problems: problems.map(shown),
    recent: memory.recent,
    boxes: boxesOf(flow, memory, problems),
    tiles: tilesOf(flow, memory, problems),
    ingest: flow.ingest?.status ?? null,
    training: flow.server?.status ? trainingOf(flow.server.status, flow.now) : null,
    services: flow.processes.map((process) => processRow(process, flow.now)),
  };
}

/** Ms: an answer that is older is none. */
const SILENT = 5000;

function processRow({ service, pid, url, status, answeredAt, startedAt }: Answer, now: number): ProcessRow {
  const answers = answeredAt !== null && now - answeredAt < SILENT;
  const { state, done } = commonOf(status);
  const said = state ?? (done ? "finished" : "running");
  return {
    service,
    pid,
    url,
    startedAt,
    answers,
    state: answers ? said : status === null ? "starting" : "not answering",
  };
}
