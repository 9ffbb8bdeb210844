// One picture of the whole flow from the services' /status answers: verdict, freshness, boxes, tiles, processes. The page and `status` show the same one.
import { count, duration, loss, percent, plural, rate, ratio } from "./figures.ts";
import { type BoxId, boxes, deadShare, isDraining, type Memory, type Problem, problemsOf, requestsPerSecond } from "./health.ts";
import { type Flow, freshnessOf } from "./statuses.ts";

export interface Verdict {
  readonly state: "empty" | "starting" | "ok" | "amber" | "red";
  /** The state as a word: nobody needs to see the colour. */
  readonly word: string;
  readonly headline: string;
  /** What to do; commands stand in backticks. */
  readonly hint: string | null;
}

/** `off`: nothing known yet. */
export type State = "ok" | "amber" | "red" | "off";

export interface Figure {
  readonly id: string;
  readonly title: string;
  readonly value: string;
  readonly unit: string;
  readonly detail: string;
  readonly state: State;
  readonly word: string;
}

export interface ProcessRow {
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
  readonly lag: number | null;
  readonly problems: readonly Problem[];
  readonly boxes: readonly Figure[];
  readonly tiles: readonly Figure[];
  readonly services: readonly ProcessRow[];
}

export function pictureOf(flow: Flow, memory: Memory): Picture {
  const problems = problemsOf(flow, memory);
  return {
    at: flow.now,
    verdict: verdictOf(flow, problems),
    freshness: freshnessOf(flow),
    lag: flow.ingest?.status?.lag?.messages ?? null,
    problems,
    boxes: boxes.map((id) => boxOf(id, flow, memory, problems)),
    tiles: tilesOf(flow, problems),
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

function verdictOf(flow: Flow, problems: readonly Problem[]): Verdict {
  if (flow.processes.length === 0) {
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

type Content = Omit<Figure, "state" | "word" | "id">;

function boxOf(id: BoxId, flow: Flow, memory: Memory, problems: readonly Problem[]): Figure {
  const content = contents[id](flow, memory);
  const own = problems.filter(({ box }) => box === id);
  const problem = own.find(({ level }) => level === "red") ?? own[0];
  if (problem) return { id, ...content, state: problem.level, word: problem.word };
  if (content.value === "–") return { id, ...content, unit: "", state: "off", word: "waiting" };
  if (id === "events" && content.value === "0") return { id, ...content, state: "off", word: "quiet" };
  return { id, ...content, state: "ok", word: "ok" };
}

const contents: Record<BoxId, (flow: Flow, memory: Memory) => Content> = {
  events: ({ replay, ingest }) => {
    const produced = replay?.status;
    const detail = produced?.done
      ? "source finished"
      : produced
        ? `${count(produced.produced)} produced`
        : ingest?.status
          ? `${count(ingest.status.read)} read`
          : "no source yet";
    return { title: "Events", value: rate(ingest?.status?.eventsPerSecond ?? produced?.ratePerSecond ?? null), unit: "per second", detail };
  },
  waiting: ({ ingest }) => ({
    title: "Rows waiting",
    value: count(ingest?.status?.lag?.messages ?? ingest?.status?.buffered ?? null),
    unit: "messages",
    detail: ingest?.status ? `${count(ingest.status.buffered)} in the buffer` : "no ingest yet",
  }),
  files: ({ ingest }) => {
    const table = ingest?.status?.table;
    return {
      title: "Table",
      value: count(table?.files ?? null),
      unit: "files",
      detail: table ? `${count(table.rows)} rows` : "no commit yet",
    };
  },
  training: ({ server }) => ({
    title: "Training",
    value: rate(server?.status?.stepsPerMinute ?? null),
    unit: "steps/min",
    detail: server?.status ? plural(server.status.trainers.length, "trainer") : "no server yet",
  }),
  checkpoint: ({ server, now }) => {
    const checkpoint = server?.status?.checkpoint;
    const [value = "–", unit = ""] = duration(checkpoint?.at ? (now - checkpoint.at) / 1000 : null).split(" ");
    return {
      title: "Checkpoint",
      value,
      unit: unit && `${unit} old`,
      detail: checkpoint ? `round ${count(checkpoint.round)}` : "none yet",
    };
  },
  quality: ({ evaluator }) => {
    const newest = evaluator?.status?.published ?? null;
    const tried = evaluator?.status?.evaluations.at(-1);
    const metrics = newest?.metrics ?? tried?.model;
    const popularity = (newest ?? tried)?.popularity?.["ndcg@100"] ?? null;
    return {
      title: "Quality",
      value: ratio(metrics?.["ndcg@100"] ?? null),
      unit: "NDCG@100",
      detail: popularity === null ? "not evaluated yet" : `popularity ${ratio(popularity)}`,
    };
  },
  requests: ({ serve }, memory) => {
    const perSecond = requestsPerSecond(memory);
    const total = serve?.status?.requests ?? null;
    if (perSecond === null)
      return { title: "Serving", value: count(total), unit: "requests", detail: serve?.status?.model ? "model loaded" : "no model yet" };
    return {
      title: "Serving",
      value: rate(perSecond),
      unit: "requests/s",
      detail: serve?.status?.model ? `${count(total)} answered` : "no model yet",
    };
  },
};

function tilesOf(flow: Flow, problems: readonly Problem[]): Figure[] {
  const { ingest, server, evaluator } = { ingest: flow.ingest?.status, server: flow.server?.status, evaluator: flow.evaluator?.status };
  const published = evaluator?.published;
  const freshness = freshnessOf(flow);
  const [fresh = "–", freshUnit = ""] = duration(freshness).split(" ");
  const tile = (id: string, title: string, [value, unit]: readonly [string, string], detail: string, ...causes: string[]): Figure => {
    const cause = problems.find(({ box, word }) => causes.includes(`${box} ${word}`));
    if (cause) return { id, title, value, unit, detail, state: cause.level, word: cause.word };
    if (value === "–") return { id, title, value, unit: "", detail, state: "off", word: "waiting" };
    return { id, title, value, unit, detail, state: "ok", word: "ok" };
  };
  const evaluations = evaluator?.evaluations ?? [];
  const [before, newest] = [evaluations.at(-2), evaluations.at(-1)];
  const metrics = published?.metrics ?? newest?.model;
  const ndcg = metrics?.["ndcg@100"] ?? null;
  const error = metrics?.["ndcg@100:se"] ?? null;
  const change = (newest?.model?.["ndcg@100"] ?? Number.NaN) - (before?.model?.["ndcg@100"] ?? Number.NaN);
  const seconds = ingest?.lag?.seconds ?? null;
  const engines = [...new Set((server?.trainers ?? []).flatMap(({ engine }) => (engine ? [engine] : [])))];
  const quality = [
    error === null ? "" : `± ${ratio(1.96 * error)}`,
    Number.isNaN(change) ? "" : `${change < 0 ? "down" : "up"} ${ratio(Math.abs(change))}`,
  ];
  return [
    tile(
      "freshness",
      "Freshness",
      [fresh, freshUnit],
      published ? (freshness === 0 ? "covers every event" : "behind the events") : "no model yet",
      "stale",
    ),
    tile(
      "lag",
      "Lag",
      [count(ingest?.lag?.messages ?? null), "messages"],
      seconds === null ? "in the topic" : `${duration(seconds)} behind`,
      "stalled",
      "no commit",
      "behind",
    ),
    tile(
      "trainers",
      "Trainers",
      [count(server ? server.trainers.length : null), "connected"],
      engines.join(", ") || "none yet",
      "no trainer",
      "silent",
      "partial",
    ),
    tile("loss", "Loss", [loss(server?.loss?.total ?? null), ""], server?.loss ? `KL ${loss(server.loss.kl)}` : "no round yet"),
    tile("ndcg", "NDCG@100", [ratio(ndcg), ""], quality.filter((part) => part !== "").join(", ") || "not evaluated yet", "quality refused"),
    tile(
      "dead",
      "Dead letters",
      [count(ingest?.dead ?? null), "events"],
      ingest ? `${percent(deadShare(ingest))} of those read` : "no ingest yet",
      "rejects",
    ),
  ];
}
