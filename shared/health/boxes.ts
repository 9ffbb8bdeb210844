// The flow strip: one box per stage, in the order in which data flows, each with its figure, its state and the state as a word. Pure.
import { count, duration, type Figure, plural, rate, ratio } from "./figures.ts";
import { batchesPerSecond, type Memory, requestsPerSecond } from "./memory.ts";
import { type BoxId, boxes, type Problem } from "./problem.ts";
import type { Flow } from "./statuses.ts";
import { ageOf } from "./training.ts";

export function boxesOf(flow: Flow, memory: Memory, problems: readonly Problem[]): Figure[] {
  return boxes.map((id) => boxOf(id, flow, memory, problems));
}

type Content = Omit<Figure, "state" | "word" | "id">;

/** What a box says of a zero that is no fault. */
const idle: Partial<Record<BoxId, string>> = { events: "quiet", files: "waiting", batches: "idle", training: "idle", requests: "quiet" };

function boxOf(id: BoxId, flow: Flow, memory: Memory, problems: readonly Problem[]): Figure {
  const content = contents[id](flow, memory);
  const own = problems.filter(({ box }) => box === id);
  const problem = own.find(({ level }) => level === "red") ?? own[0];
  if (problem) return { id, ...content, state: problem.level, word: problem.word };
  if (content.value === "–") return { id, ...content, unit: "", state: "off", word: "waiting" };
  if (content.value === "0" && id in idle) return { id, ...content, state: "off", word: idle[id]! };
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
      unit: table?.files === 1 ? "file" : "files",
      detail: table ? `${count(table.rows)} rows` : "no commit yet",
    };
  },
  batches: ({ server }, memory) => {
    const perSecond = batchesPerSecond(memory);
    const total = server?.status?.contributions?.accepted ?? null;
    return {
      title: "Batches",
      value: perSecond === null ? count(total) : rate(perSecond),
      unit: perSecond === null ? "computed" : "per second",
      detail: server?.status ? plural(server.status.trainers.length, "trainer") : "no server yet",
    };
  },
  training: ({ server }) => ({
    title: "Training",
    value: rate(server?.status?.stepsPerMinute ?? null),
    unit: "steps/min",
    detail: server?.status ? `step ${count(server.status.step)}` : "no server yet",
  }),
  checkpoint: ({ server, now }) => {
    const checkpoint = server?.status?.checkpoint;
    const [value = "–", unit = ""] = duration(ageOf(checkpoint ?? null, now)).split(" ");
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
