// The flow strip: one box per stage, in the order in which data flows, each with its figure, its state and the state as
// a word. Pure.
import type { Flow } from "../facts/flow.ts";
import { batchesPerSecond, type Memory, requestsPerSecond } from "../facts/memory.ts";
import { isTrainingRun } from "../facts/state.ts";
import { ageOf } from "../facts/training.ts";
import { type BoxId, boxes, boxOf, type Problem, worstOf } from "../rules/problem.ts";
import { count, duration, type Figure, plural, rate, ratio } from "./figures.ts";
import { wordsOf } from "./problems.ts";

export function boxesOf(flow: Flow, memory: Memory, problems: readonly Problem[]): Figure[] {
  const shown = isTrainingRun(flow) ? boxes.filter((id) => ofTraining.has(id)) : boxes;
  return shown.map((id) => figureOf(id, flow, memory, problems));
}

/** Of a training run the others would speak of a stream that nobody waits for. */
const ofTraining: ReadonlySet<BoxId> = new Set(["batches", "training", "checkpoint"]);

interface Content extends Pick<Figure, "title" | "value" | "unit" | "detail"> {
  /** What the value says; null: nobody knows. */
  readonly amount: number | null;
}

/** What a box says of a zero that is no fault. */
const idle: Partial<Record<BoxId, string>> = {
  events: "quiet",
  files: "waiting",
  batches: "idle",
  training: "idle",
  requests: "quiet",
};

function figureOf(id: BoxId, flow: Flow, memory: Memory, problems: readonly Problem[]): Figure {
  const { amount, ...content } = contents[id](flow, memory);
  const worst = worstOf(problems.filter(({ code }) => boxOf[code] === id));
  if (worst) return { id, ...content, state: worst.level, word: wordsOf(worst).word };
  if (amount === null) return { id, ...content, unit: "", state: "off", word: "waiting" };
  if (amount === 0 && id in idle) return { id, ...content, state: "off", word: idle[id]! };
  return { id, ...content, state: "ok", word: "ok" };
}

/** A count, or a rate, as a box shows it. */
const amountOf = (amount: number | null, write: (amount: number | null) => string) => ({
  amount,
  value: write(amount),
});

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
    const amount = ingest?.status?.eventsPerSecond ?? produced?.ratePerSecond ?? null;
    return { title: "Events", ...amountOf(amount, rate), unit: "per second", detail };
  },
  waiting: ({ ingest }) => ({
    title: "Rows waiting",
    ...amountOf(ingest?.status?.lag?.messages ?? ingest?.status?.buffered ?? null, count),
    unit: "messages",
    detail: ingest?.status ? `${count(ingest.status.buffered)} in the buffer` : "no ingest yet",
  }),
  files: ({ ingest }) => {
    const table = ingest?.status?.table;
    return {
      title: "Table",
      ...amountOf(table?.files ?? null, count),
      unit: table?.files === 1 ? "file" : "files",
      detail: table ? `${count(table.rows)} rows` : "no commit yet",
    };
  },
  batches: ({ server }, memory) => {
    const perSecond = batchesPerSecond(memory);
    const total = server?.status?.contributions?.accepted ?? null;
    return {
      title: "Batches",
      ...(perSecond === null ? amountOf(total, count) : amountOf(perSecond, rate)),
      unit: perSecond === null ? "computed" : "per second",
      detail: server?.status ? plural(server.status.trainers.length, "trainer") : "no server yet",
    };
  },
  training: ({ server }) => ({
    title: "Training",
    ...amountOf(server?.status?.stepsPerMinute ?? null, rate),
    unit: "steps/min",
    detail: server?.status ? `step ${count(server.status.step)}` : "no server yet",
  }),
  checkpoint: ({ server, now }) => {
    const checkpoint = server?.status?.checkpoint;
    const amount = ageOf(checkpoint ?? null, now);
    const [value = "–", unit = ""] = duration(amount).split(" ");
    return {
      title: "Checkpoint",
      ...{ amount, value },
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
      ...amountOf(metrics?.["ndcg@100"] ?? null, ratio),
      unit: "NDCG@100",
      detail: popularity === null ? "not evaluated yet" : `popularity ${ratio(popularity)}`,
    };
  },
  requests: ({ serve }, memory) => {
    const perSecond = requestsPerSecond(memory);
    const total = serve?.status?.requests ?? null;
    if (perSecond === null)
      return {
        title: "Serving",
        ...amountOf(total, count),
        unit: "requests",
        detail: serve?.status?.model ? "model loaded" : "no model yet",
      };
    return {
      title: "Serving",
      ...amountOf(perSecond, rate),
      unit: "requests/s",
      detail: serve?.status?.model ? `${count(total)} answered` : "no model yet",
    };
  },
};
