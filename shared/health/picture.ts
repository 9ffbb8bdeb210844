// One picture of the whole flow from the services' /status answers: verdict, freshness, boxes, tiles, processes. The page and `status` show the same one.
import { boxesOf } from "./boxes.ts";
import type { Figure } from "./figures.ts";
import { count, duration, loss, plural, ratio } from "./figures.ts";
import { isDraining, isNothing, problemsOf } from "./health.ts";
import type { Ingest } from "./ingest.ts";
import type { Latencies } from "./latency.ts";
import type { Memory } from "./memory.ts";
import type { CurvePoint } from "./prequential.ts";
import type { Problem } from "./problem.ts";
import type { Recent } from "./recent.ts";
import { type Flow, freshnessOf, latenciesOf } from "./statuses.ts";
import { tilesOf } from "./tiles.ts";
import { type Training, trainingOf } from "./training.ts";
import { isTrainingRun, runInWords } from "./training-run.ts";

interface Verdict {
  readonly state: "empty" | "starting" | "ok" | "amber" | "red";
  /** The state as a word: nobody needs to see the colour. */
  readonly word: string;
  readonly headline: string;
  /** What to do; commands stand in backticks. */
  readonly hint: string | null;
}

interface ProcessRow {
  readonly service: string;
  readonly pid: number;
  readonly url: string;
  readonly state: string;
  readonly answers: boolean;
  readonly startedAt: number;
}

export interface Picture {
  /** ms since 1970 */
  readonly at: number;
  readonly verdict: Verdict;
  /** Seconds; null while no model is published. */
  readonly freshness: number | null;
  /** How long marked events took to get there. */
  readonly latencies: Latencies;
  /** The newest point of the prequential curve; null before the first. */
  readonly prequential: CurvePoint | null;
  readonly lag: number | null;
  readonly problems: readonly Problem[];
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

export function pictureOf(flow: Flow, memory: Memory): Picture {
  const problems = problemsOf(flow, memory);
  return {
    at: flow.now,
    verdict: verdictOf(flow, problems),
    freshness: freshnessOf(flow),
    latencies: latenciesOf(flow),
    prequential: newestPoint(flow),
    lag: flow.ingest?.status?.lag?.messages ?? null,
    problems,
    recent: memory.recent,
    boxes: boxesOf(flow, memory, problems),
    tiles: tilesOf(flow, memory, problems),
    ingest: flow.ingest?.status ?? null,
    training: flow.server?.status ? trainingOf(flow.server.status, flow.now) : null,
    services: flow.processes.map(({ service, pid, url, status, answeredAt, startedAt }) => {
      const answers = answeredAt !== null && flow.now - answeredAt < 5000;
      const said = (status as { state?: unknown; done?: unknown } | null)?.state;
      const done = (status as { done?: unknown } | null)?.done === true ? "finished" : "running";
      return {
        service,
        pid,
        url,
        startedAt,
        answers,
        state: !answers ? (status === null ? "starting" : "not answering") : typeof said === "string" ? said : done,
      };
    }),
  };
}

function newestPoint({ evaluator }: Flow): CurvePoint | null {
  const newest = evaluator?.status?.prequential.at(-1);
  if (!newest) return null;
  const { at, model, events, users, "recall@20": recall, "ndcg@100": ndcg, popularity } = newest;
  return { at, model, events, users, "recall@20": recall, "ndcg@100": ndcg, popularity };
}

function verdictOf(flow: Flow, problems: readonly Problem[]): Verdict {
  if (isNothing(flow)) {
    return {
      state: "empty",
      word: "Nothing runs",
      headline: "Nothing runs in this data directory",
      hint: "start the whole flow with `npm start`",
    };
  }
  if (isDraining(flow))
    return {
      state: "amber",
      word: "Draining",
      headline: "Draining: everything accepted is being written, then the processes end",
      hint: null,
    };
  const worst = problems.find(({ level }) => level === "red") ?? problems[0];
  if (worst) return { state: worst.level, word: worst.level === "red" ? "Stalled" : "Attention", headline: worst.reason, hint: worst.hint };
  if (isTrainingRun(flow)) {
    const { status = null } = flow.server ?? {};
    const headline = status ? runInWords(status) : "A training run starts";
    return { state: status?.state === "training" ? "ok" : "starting", word: "Training", headline, hint: status?.hint ?? null };
  }
  const summary = summaryOf(flow);
  if (flow.evaluator?.status?.published) return { state: "ok", word: "Healthy", headline: summary, hint: null };
  return { state: "starting", word: "Starting", headline: summary, hint: flow.server?.status?.hint ?? null };
}

/** How far and how fresh, in one sentence. */
function summaryOf(flow: Flow): string {
  const server = flow.server?.status;
  const published = flow.evaluator?.status?.published;
  const rows = flow.ingest?.status?.table?.rows ?? 0;
  const round = server?.round === null || server === undefined || server === null ? "" : `round ${count(server.round)}`;
  const lossNow = server?.loss ? `, loss ${loss(server.loss.total)}` : "";
  if (published) {
    const state = server?.state === "training" ? "Training" : server?.state === "idle" ? "Idle" : "Waiting";
    const behind = freshnessOf(flow) ?? 0;
    const fresh = behind > 0 ? `model is ${duration(behind)} behind the events` : "model covers every event";
    const { "ndcg@100": model = null } = published.metrics ?? {};
    const popularity = published.popularity?.["ndcg@100"] ?? null;
    return `${state}: ${[round, fresh, `NDCG@100 ${ratio(model)} (popularity ${ratio(popularity)})`].filter((part) => part !== "").join(", ")}`;
  }
  if (!server || !flow.ingest?.status) return "Starting: waiting for the services to answer";
  if (server.state === "training") return `Training the first model: ${round}${lossNow}, ${plural(server.trainers.length, "trainer")}`;
  if (rows === 0 && server.state !== "idle") return "Waiting for the first event";
  if (server.state === "waiting for trainers") return "Waiting for trainers to connect";
  if (server.state === "waiting for events") return `Waiting for more events: the table holds ${plural(rows, "row")}`;
  return `Waiting for the first evaluation: ${round}${lossNow}`;
}
