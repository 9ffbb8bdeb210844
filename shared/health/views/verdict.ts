// The verdict on the flow: how it is as a whole, in a sentence, and what to do. Pure.
import { belowPopularNow } from "../facts/curve.ts";
import type { Flow } from "../facts/flow.ts";
import { freshnessOf } from "../facts/freshness.ts";
import { isDraining, isNothing, isTrainingRun } from "../facts/state.ts";
import type { Server } from "../facts/training.ts";
import { type Problem, worstOf } from "../rules/problem.ts";
import { count, duration, loss, plural, ratio } from "./figures.ts";
import { wordsOf } from "./problems.ts";

export interface Verdict {
  readonly state: "empty" | "starting" | "ok" | "amber" | "red";
  /** The state as a word: nobody needs to see the colour. */
  readonly word: string;
  readonly headline: string;
  /** What to do; commands stand in backticks. */
  readonly hint: string | null;
}

export function verdictOf(flow: Flow, problems: readonly Problem[]): Verdict {
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
  const worst = worstOf(problems);
  if (worst) {
    const { reason, hint } = wordsOf(worst);
    return { state: worst.level, word: worst.level === "red" ? "Stalled" : "Attention", headline: reason, hint };
  }
  if (isTrainingRun(flow)) {
    const { status = null } = flow.server ?? {};
    const headline = status ? runInWords(status) : "A training run starts";
    return {
      state: status?.state === "training" ? "ok" : "starting",
      word: "Training",
      headline,
      hint: status?.hint ?? null,
    };
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
    const quality = `NDCG@100 ${ratio(model)} (popularity ${ratio(popularity)})`;
    const below = belowPopularNow(flow);
    const trails = below === null ? "" : `on what arrives ${ratio(below)} below popular now`;
    return `${state}: ${[round, fresh, quality, trails].filter((part) => part !== "").join(", ")}`;
  }
  if (!server || !flow.ingest?.status) return "Starting: waiting for the services to answer";
  if (server.state === "training")
    return `Training the first model: ${round}${lossNow}, ${plural(server.trainers.length, "trainer")}`;
  if (rows === 0 && server.state !== "idle") return "Waiting for the first event";
  if (server.state === "waiting for trainers") return "Waiting for trainers to connect";
  if (server.state === "waiting for events") return `Waiting for more events: the table holds ${plural(rows, "row")}`;
  return `Waiting for the first evaluation: ${round}${lossNow}`;
}

/** How far a training run is, in one sentence. */
function runInWords({ state, round, epochs, epochsWanted, epoch, work, loss: now, trainers }: Server): string {
  if (work !== null) return `A training run: ${work}`;
  if (state === "waiting for trainers") return "A training run waits for trainers to connect";
  const validation = epochs.at(-1)?.validation?.["ndcg@100"] ?? null;
  return [
    `A training run: epoch ${count(round)} of ${count(epochsWanted)}`,
    ...(epoch ? [`step ${count(epoch.step)} of ${count(epoch.steps)} of the next`] : []),
    ...(epoch?.secondsLeft == null ? [] : [`${duration(epoch.secondsLeft)} left of it`]),
    ...(now ? [`loss ${loss(now.total)}`] : []),
    ...(validation === null ? [] : [`validation NDCG@100 ${ratio(validation)}`]),
    plural(trainers.length, "trainer"),
  ].join(", ");
}
