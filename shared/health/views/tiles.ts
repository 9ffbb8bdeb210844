// The tiles: what one asks first of a flow that trains. Pure.
import type { Flow } from "../facts/flow.ts";
import { freshnessOf, latenciesOf } from "../facts/freshness.ts";
import { deadShare } from "../facts/ingest.ts";
import type { Memory } from "../facts/memory.ts";
import { expectedTrainers, isTrainingRun } from "../facts/state.ts";
import type { Code, Problem } from "../rules/problem.ts";
import { count, duration, elapsed, type Figure, loss, percent, ratio } from "./figures.ts";
import { wordsOf } from "./problems.ts";

interface Tile extends Pick<Figure, "id" | "title" | "value" | "detail"> {
  /** What the value says; null: nobody knows. */
  readonly amount: number | null;
  readonly unit?: string;
  /** The problems that colour it. */
  readonly causes?: readonly Code[];
}

export function tilesOf(flow: Flow, memory: Memory, problems: readonly Problem[]): Figure[] {
  const tiles = isTrainingRun(flow)
    ? [epoch(flow), trainers(flow, memory), lossOf(flow), validation(flow)]
    : [freshness(flow), lag(flow), trainers(flow, memory), lossOf(flow), quality(flow), dead(flow)];
  return tiles.map(({ causes = [], unit = "", amount, ...tile }) => {
    const cause = problems.find(({ code }) => causes.includes(code));
    if (cause) return { ...tile, unit, state: cause.level, word: wordsOf(cause).word };
    if (amount === null) return { ...tile, unit: "", state: "off", word: "waiting" };
    return { ...tile, unit, state: "ok", word: "ok" };
  });
}

/** Of a training run: how far it is. */
function epoch({ server }: Flow): Tile {
  const { round = null, epochsWanted = null, epoch: now = null } = server?.status ?? {};
  const [left, speed] = [now?.secondsLeft ?? null, now?.usersPerSecond ?? null];
  const detail = [
    ...(now ? [`step ${count(now.step)} of ${count(now.steps)}`] : []),
    ...(speed === null ? [] : [`${count(speed)} users/s`]),
    ...(left === null ? [] : [`${duration(left)} left of it`]),
  ];
  return {
    id: "epoch",
    title: "Epochs",
    amount: round,
    value: count(round),
    unit: `of ${count(epochsWanted)}`,
    detail: detail.join(", "),
  };
}

/** Of a training run: the newest epoch's. */
function validation({ server }: Flow): Tile {
  const newest = server?.status?.epochs.at(-1)?.validation?.["ndcg@100"] ?? null;
  const detail = newest === null ? "no epoch judged yet" : "on validation users";
  return { id: "validation", title: "NDCG@100", amount: newest, value: ratio(newest), detail };
}

function freshness(flow: Flow): Tile {
  const behind = freshnessOf(flow);
  const [value = "–", unit = ""] = duration(behind).split(" ");
  const now = behind === null ? "no model yet" : behind === 0 ? "covers every event" : "behind the events";
  const { answer, published } = latenciesOf(flow);
  const { p50 = null, max = null } = published ?? {};
  const others = answer?.p50 == null ? `max ${elapsed(max)}` : `of answers ${elapsed(answer.p50)}`;
  const detail = p50 === null ? now : `p50 ${elapsed(p50)}, ${others}`;
  return { id: "freshness", title: "Freshness", amount: behind, value, unit, detail, causes: ["SERVER_STALE"] };
}

function lag({ ingest }: Flow): Tile {
  const { messages = null, seconds = null } = ingest?.status?.lag ?? {};
  const detail = seconds === null ? (ingest?.status ? "in the topic" : "no ingest yet") : `${duration(seconds)} behind`;
  return {
    id: "lag",
    title: "Lag",
    amount: messages,
    value: count(messages),
    unit: "messages",
    detail,
    causes: ["INGEST_STALLED", "INGEST_NO_COMMIT", "INGEST_BEHIND"],
  };
}

function trainers(flow: Flow, memory: Memory): Tile {
  const connected = flow.server?.status?.trainers ?? null;
  const engines = [...new Set((connected ?? []).flatMap(({ engine }) => (engine ? [engine] : [])))];
  return {
    id: "trainers",
    title: "Trainers",
    amount: connected?.length ?? null,
    value: count(connected?.length ?? null),
    unit: `of ${count(expectedTrainers(flow, memory))} live`,
    detail: engines.join(", ") || "none yet",
    causes: ["TRAINER_MISSING", "TRAINER_SILENT", "TRAINER_SUSPECT", "TRAINER_CLOGGED", "TRAINER_PARTIAL"],
  };
}

function lossOf({ server }: Flow): Tile {
  const newest = server?.status?.loss ?? null;
  const amount = newest?.total ?? null;
  return {
    id: "loss",
    title: "Loss",
    amount,
    value: loss(amount),
    detail: newest ? `KL ${loss(newest.kl)}` : "no round yet",
  };
}

/** Of the published model, with a 95 % interval; the change is that of the last two evaluations. */
function quality({ evaluator }: Flow): Tile {
  const [before, newest] = [evaluator?.status?.evaluations.at(-2)?.model, evaluator?.status?.evaluations.at(-1)?.model];
  const metrics = evaluator?.status?.published?.metrics ?? newest;
  const error = metrics?.["ndcg@100:se"] ?? null;
  const change = (newest?.["ndcg@100"] ?? Number.NaN) - (before?.["ndcg@100"] ?? Number.NaN);
  const parts = [
    error === null ? "" : `± ${ratio(1.96 * error)}`,
    Number.isNaN(change) ? "" : `${change < 0 ? "down" : "up"} ${ratio(Math.abs(change))}`,
  ];
  const detail = parts.filter((part) => part !== "").join(", ");
  return {
    id: "ndcg",
    title: "NDCG@100",
    amount: metrics?.["ndcg@100"] ?? null,
    value: ratio(metrics?.["ndcg@100"] ?? null),
    detail: detail || (metrics ? "" : "not evaluated yet"),
    causes: ["EVALUATOR_REFUSED"],
  };
}

function dead({ ingest }: Flow): Tile {
  const share = ingest?.status ? deadShare(ingest.status) : null;
  const [value = "–", unit = ""] = percent(share).split(" ");
  const detail =
    share === null ? "none read yet" : `${count(ingest!.status!.dead)} of ${count(ingest!.status!.read)} events`;
  return {
    id: "dead",
    title: "Rejected",
    amount: share,
    value,
    unit,
    detail,
    causes: ["INGEST_LOST", "INGEST_REJECTS"],
  };
}
