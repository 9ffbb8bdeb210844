// The rules that turn a stage amber or red, in the order in which data flows: each names what is wrong, why, and what to do.
import { count, duration, percent, plural, ratio } from "./figures.ts";
import type { Memory } from "./memory.ts";
import { type BoxId, boxes, type Problem } from "./problem.ts";
import { type Flow, freshnessOf, type Seen } from "./statuses.ts";
import { supervisionProblems } from "./supervision.ts";
import { checkpointProblems, trainerProblems } from "./training-health.ts";
import { isTrainingRun } from "./training-run.ts";

/** Seconds and shares at which a stage is called late or stalled. */
const limits = {
  /** A missing service or trainer is a problem only once the flow has had time to start. */
  grace: 25,
  silence: 5,
  /** Services that compute cannot answer while a kernel runs. */
  computingSilence: 20,
  noCommit: 60,
  noStep: 60,
  lag: { amber: 60 },
  freshness: { amber: 120, red: 600 },
  evaluationDelay: 120,
  deadShare: 0.01,
  errorShare: 0.01,
  refusalsInARow: 3,
} as const;

/** Every problem, upstream first; empty while the flow starts or drains. */
export function problemsOf(flow: Flow, memory: Memory): Problem[] {
  if (isNothing(flow) || isDraining(flow)) return [];
  const told = supervisionProblems(flow);
  const isTold = (box: BoxId) => told.some((problem) => problem.box === box);
  const found = [...waiting(flow), ...ingestion(flow, memory), ...training(flow, memory), ...quality(flow), ...serving(flow)];
  // `up` starts a service again by itself, and says why it is missing: nobody needs to start it.
  const isExpected = (box: BoxId) => !isTold(box) && !(isTrainingRun(flow) && beyondTraining.has(box));
  return inOrder([...told, ...found.filter(({ box, word }) => word !== "missing" || isExpected(box))]);
}

const beyondTraining: ReadonlySet<BoxId> = new Set(["waiting", "quality", "requests"]);

export const isNothing = ({ processes, up }: Flow): boolean => processes.length === 0 && !up?.status?.services.length;

const inOrder = (problems: readonly Problem[]) => boxes.flatMap((id) => problems.filter(({ box }) => box === id));

export function isDraining({ ingest, server }: Flow): boolean {
  return ingest?.status?.state === "draining" || server?.status?.state === "draining";
}

const settled = (flow: Flow) => flow.now - Math.min(...flow.processes.map((process) => process.startedAt)) > limits.grace * 1000;

const room = "make room, or give the disk back: it goes on by itself, and nothing accepted is lost";
const waits: Readonly<Record<string, BoxId>> = { replay: "events", server: "training", evaluator: "quality" };

/** Services that a disk holds up; ingest says so in its own way. */
function waiting({ processes }: Flow): Problem[] {
  return processes.flatMap(({ service, status }) => {
    const box = waits[service];
    const { heldUp: why } = (status ?? {}) as { heldUp?: unknown };
    if (box === undefined || typeof why !== "string") return [];
    return [{ box, level: "red", word: "waits", reason: `${names[box]} waits: ${why}`, hint: room }];
  });
}

const names: Partial<Record<BoxId, string>> = { events: "Replay", training: "The parameter server", quality: "The evaluator" };

/** A stage that must run: missing, or there and silent. */
function presence(flow: Flow, box: BoxId, name: string, seen: Seen<unknown> | null, silence: number, hint: string): Problem[] {
  if (!seen) return settled(flow) ? [{ box, level: "red", word: "missing", reason: `${name} does not run`, hint }] : [];
  if (seen.silence <= silence * 1000) return [];
  const reason = `${name} has not answered for ${duration(seen.silence / 1000)} (process ${seen.process.pid})`;
  return [
    { box, level: "red", word: "silent", reason, hint: "read its log; if it hangs, stop it and start it again: nothing accepted is lost" },
  ];
}

function ingestion(flow: Flow, { lagSince }: Memory): Problem[] {
  const found = presence(flow, "waiting", "Ingest", flow.ingest, limits.silence, "start it with `tributary ingest`");
  const status = flow.ingest?.status;
  if (found.length > 0 || !status) return found;
  const lag = status.lag?.messages ?? null;
  const waiting = lag === null ? "" : `, ${plural(lag, "message")} ${lag === 1 ? "waits" : "wait"}`;
  const checkBroker = "check that Kafka runs with `tributary broker status`; ingest goes on where it stopped";
  if (status.state === "stalled") {
    const reason = `Ingest is stalled: ${status.reason ?? "Kafka does not answer"}${waiting}`;
    const hint = status.stalledBy === "disk" ? room : checkBroker;
    found.push({ box: "waiting", level: "red", word: "stalled", reason, hint });
  } else if ((lag ?? 0) > 0) {
    // The first events after a quiet hour have not waited for an hour.
    const waited = lagSince === null ? Number.POSITIVE_INFINITY : (flow.now - lagSince) / 1000;
    const still = Math.min(waited, (flow.now - (status.lastCommitAt ?? flow.ingest!.process.startedAt)) / 1000);
    const behind = Math.min(waited, status.lag?.seconds ?? 0);
    if (still > limits.noCommit) {
      const reason = `Ingest has committed nothing for ${duration(still)}${waiting}`;
      found.push({
        box: "files",
        level: "red",
        word: "no commit",
        reason,
        hint: "read ingest's log: the disk may be full, or the table may belong to another writer",
      });
    } else if (behind > limits.lag.amber) {
      const reason = `Ingest is ${duration(behind)} behind the topic${waiting}`;
      found.push({
        box: "waiting",
        level: "amber",
        word: "behind",
        reason,
        hint: "it catches up by itself after a burst; if not, start a second `tributary ingest`",
      });
    }
  }
  const share = deadShare(status);
  if (share !== null && share > limits.deadShare) {
    const reason = `${percent(share)} of the events are malformed (${count(status.dead)} dead letters)`;
    found.push({
      box: "files",
      level: "amber",
      word: "rejects",
      reason,
      hint: "`tributary dead-letters list` shows each with its reason; repair the producer",
    });
  }
  return found;
}

export function deadShare({ read, dead }: { read: number | null; dead: number | null }): number | null {
  return read === null || dead === null || read === 0 ? null : dead / read;
}

function training(flow: Flow, memory: Memory): Problem[] {
  const found = presence(
    flow,
    "training",
    "The parameter server",
    flow.server,
    limits.computingSilence,
    "start it with `tributary server`",
  );
  const status = flow.server?.status;
  if (found.length > 0 || !status) return found;
  const hint = status.hint ?? "start one with `tributary trainer --server ws://HOST:PORT`";
  const alone = status.state === "waiting for trainers" || (status.state === "training" && status.trainers.length === 0);
  if (alone) {
    if (settled(flow))
      found.push({ box: "batches", level: "red", word: "missing", reason: "Training is stalled: no trainer is connected", hint });
  } else if (status.state === "training" && flow.now - memory.stepAt > limits.noStep * 1000 && memory.step !== null) {
    const reason = `Training is stalled: no step for ${duration((flow.now - memory.stepAt) / 1000)} with ${plural(status.trainers.length, "trainer")}`;
    found.push({
      box: "training",
      level: "red",
      word: "stalled",
      reason,
      hint: "read the trainers' logs; a part not returned in time is leased to another trainer",
    });
  }
  const silent = flow.trainers.filter((trainer) => trainer.silence > limits.computingSilence * 1000).length;
  if (silent > 0) {
    const reason = `${silent} of ${flow.trainers.length} trainers ${silent === 1 ? "does" : "do"} not answer`;
    found.push({ box: "batches", level: "amber", word: "silent", reason, hint: "the others compute its parts; read its log" });
  } else if (!alone && settled(flow) && expectedTrainers(flow, memory) > status.trainers.length) {
    const reason = `${status.trainers.length} of ${expectedTrainers(flow, memory)} trainers are connected to the server`;
    found.push({
      box: "batches",
      level: "amber",
      word: "partial",
      reason,
      hint: "a trainer connects by itself; read its log if it does not, start another one, or wait 5 min where it was meant to leave",
    });
  }
  found.push(...trainerProblems(status), ...checkpointProblems(status, flow.now));
  return found;
}

/** Those that run here, or were connected at once lately: one that was killed is missed, also where it ran elsewhere. */
export function expectedTrainers(flow: Flow, { trainers }: Memory): number {
  return Math.max(flow.trainers.length, flow.server?.status?.trainers.length ?? 0, trainers.most);
}

const unpin = "`tributary models pin --off` lets the evaluator publish again";

function quality(flow: Flow): Problem[] {
  const found = presence(
    flow,
    "quality",
    "The evaluator",
    flow.evaluator,
    limits.computingSilence,
    "start it with `tributary evaluator`: no model is published without it",
  );
  const status = flow.evaluator?.status;
  if (found.length > 0 || !status) return found;
  const newest = status.evaluations.at(-1);
  if (newest?.outcome === "refused") {
    const last = status.evaluations.slice(-limits.refusalsInARow);
    const often = last.length === limits.refusalsInARow && last.every(({ outcome }) => outcome === "refused");
    const against = newest.reason ?? `NDCG@100 ${ratio(newest.model?.["ndcg@100"] ?? null)}`;
    const reason = `Publication of round ${count(newest.round)} was refused: ${against}`;
    const kept = status.published
      ? "the model published before stays in use"
      : "nothing is published yet; the next round is tried by itself";
    found.push({ box: "quality", level: often ? "red" : "amber", word: "refused", reason, hint: kept });
  }
  if (status.pinned !== null) {
    const reason = `Publication is pinned to ${status.pinned}: newer models are judged and not published`;
    found.push({ box: "quality", level: "amber", word: "pinned", reason, hint: unpin });
  }
  const checkpoint = flow.server?.status?.checkpoint;
  const waiting =
    checkpoint && newest && checkpoint.round !== null && checkpoint.round > (newest.round ?? 0) ? (flow.now - checkpoint.at!) / 1000 : 0;
  if (waiting > limits.evaluationDelay) {
    const reason = `The checkpoint of round ${count(checkpoint!.round)} has waited ${duration(waiting)} for its evaluation`;
    found.push({
      box: "quality",
      level: "amber",
      word: "behind",
      reason,
      hint: "the evaluator takes the newest checkpoint next; read its log if it stays behind",
    });
  }
  const freshness = freshnessOf(flow) ?? 0;
  if (freshness > limits.freshness.amber) {
    const level = freshness > limits.freshness.red ? "red" : "amber";
    const reason = `The published model is ${duration(freshness)} behind the events`;
    found.push({
      box: "checkpoint",
      level,
      word: "stale",
      reason,
      hint: status.pinned === null ? "rounds take too long for this stream: add trainers with `tributary trainer`" : unpin,
    });
  }
  return found;
}

function serving(flow: Flow): Problem[] {
  const found = presence(
    flow,
    "requests",
    "Serve",
    flow.serve,
    limits.silence,
    "start it with `tributary serve`; training goes on meanwhile",
  );
  const { requests = null, errors = null } = flow.serve?.status ?? {};
  if (requests !== null && errors !== null && requests > 0 && errors / requests > limits.errorShare) {
    const reason = `${percent(errors / requests)} of the requests failed`;
    found.push({ box: "requests", level: "amber", word: "errors", reason, hint: "read the log of serve" });
  }
  // The flow itself is whole without it: a missing serve is never the stalled stage.
  return found.map((problem) => (problem.word === "missing" ? { ...problem, level: "amber" as const } : problem));
}
