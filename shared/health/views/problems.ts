// Problems in words: one or two that stand on the box, a sentence that names the stage and the reason, and what to do;
// commands in backticks. Pure.
import { unreachable } from "../../errors/errors.ts";
import { printable } from "../../runtime/printable.ts";
import {
  type BoxId,
  boxOf,
  type Code,
  type Level,
  type Numbers,
  type Problem,
  type Supervised,
} from "../rules/problem.ts";
import { count, duration, elapsed, percent, plural, ratio } from "./figures.ts";
import { nameOf } from "./trainers.ts";

interface Words {
  readonly word: string;
  readonly reason: string;
  readonly hint: string;
}

/** A problem as people read it. */
export interface ShownProblem extends Words {
  readonly box: BoxId;
  readonly level: Level;
}

export function wordsOf<C extends Code>(problem: { readonly code: C; readonly numbers: Numbers<C> }): Words {
  return words[problem.code](problem.numbers);
}

export const shown = (problem: Problem): ShownProblem => ({
  box: boxOf[problem.code],
  level: problem.level,
  ...wordsOf(problem),
});

const room = "make room, or give the disk back: it goes on by itself, and nothing accepted is lost";
const unpin = "`tributary models pin --off` lets the evaluator publish again";
const MOST_OF_REASON = 200;
const MOST_NAMED = 3;

const missing = (name: string, hint: string) => (): Words => ({
  word: "missing",
  reason: `${name} does not run`,
  hint,
});

const silent =
  (name: string) =>
  ({ seconds, pid }: Numbers<"INGEST_SILENT">): Words => ({
    word: "silent",
    reason: `${name} has not answered for ${duration(seconds)} (process ${pid})`,
    hint: "read its log; if it hangs, stop it and start it again: nothing accepted is lost",
  });

const waits =
  (name: string) =>
  ({ why }: Numbers<"SERVER_WAITS">): Words => ({ word: "waits", reason: `${name} waits: ${why}`, hint: room });

const titles: Record<Supervised, string> = {
  replay: "Replay",
  Kafka: "Kafka",
  ingest: "Ingest",
  trainer: "A trainer",
  server: "The parameter server",
  evaluator: "The evaluator",
  serve: "Serve",
};
const whyItEnded = (why: string | null) => printable(why ?? "nobody knows why", MOST_OF_REASON);

const endsAs =
  (word: string) =>
  ({ who, deaths, seconds, why }: Numbers<"SERVER_ENDS">): Words => ({
    word,
    reason: `${titles[who]} has ended ${deaths} times in ${duration(seconds)}: ${whyItEnded(why)}`,
    hint: "`up` starts it again and again; its log in the folder logs says more",
  });
const ends = endsAs("ends");

const gaveUp = ({ who, why }: Numbers<"SERVER_GAVE_UP">): Words => ({
  word: "gave up",
  reason: `${titles[who]} has given up: ${whyItEnded(why)}`,
  hint: "mend the file and start `up` again; the rest goes on meanwhile",
});

/** `, 12 messages wait` */
const waiting = (messages: number | null) =>
  messages === null ? "" : `, ${plural(messages, "message")} ${messages === 1 ? "waits" : "wait"}`;

function namesOf(trainers: Numbers<"TRAINER_SUSPECT">["trainers"]): string {
  const more = trainers.length - MOST_NAMED;
  return `${trainers.slice(0, MOST_NAMED).map(nameOf).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** Parts of an evaluation, as a sentence says them. */
const evaluationParts: Readonly<Record<string, string>> = {
  opening: "reading the candidate",
  arrivals: "scoring what arrives (`--prequential-events`)",
  mix: "choosing what is laid over it",
  beside: "comparing it on arrivals",
  heldOut: "held-out users (`--max-users`)",
  publishing: "writing it",
};

/** What the stage with the largest share of the delay needs. */
function freshenedBy({ by, evaluation }: Numbers<"SERVER_STALE">): string {
  switch (by) {
    case "pin":
      return unpin;
    case "refusals":
      return "candidates are refused, and the one before stays in use; the next round is tried by itself";
    case "ingest":
      return "ingest is what is behind: start a second `tributary ingest`, or look at Kafka and the disk";
    case "rounds":
      return "rounds take too long for this stream: add trainers with `tributary trainer`";
    case "evaluator": {
      const most = evaluation?.most ? `, most of it for ${evaluationParts[evaluation.most] ?? evaluation.most}` : "";
      const took = evaluation ? `: the newest evaluation took ${duration(evaluation.seconds)}${most}` : "";
      return `the evaluator takes too long${took}; give it a core of its own`;
    }
    default:
      return unreachable(by);
  }
}

const broker = "check that Kafka runs with `tributary broker status`; ingest goes on where it stopped";
const transaction =
  "end the producer that hangs, or abort its transaction with Kafka's own `kafka-transactions.sh find-hanging`; " +
  "ingest goes on where it stopped";

const words: { readonly [C in Code]: (numbers: Numbers<C>) => Words } = {
  REPLAY_WAITS: waits("Replay"),
  REPLAY_ENDS: ends,
  REPLAY_GAVE_UP: gaveUp,
  INGEST_MISSING: missing("Ingest", "start it with `tributary ingest`"),
  INGEST_SILENT: silent("Ingest"),
  INGEST_STALLED: ({ by, why, messages }) => ({
    word: "stalled",
    reason: `Ingest is stalled: ${why ?? "Kafka does not answer"}${waiting(messages)}`,
    hint: by === "disk" ? room : by === "transaction" ? transaction : broker,
  }),
  INGEST_BEHIND: ({ seconds, messages }) => ({
    word: "behind",
    reason: `Ingest is ${duration(seconds)} behind the topic${waiting(messages)}`,
    hint: "it catches up by itself after a burst; if not, start a second `tributary ingest`",
  }),
  INGEST_NO_KAFKA: endsAs("no Kafka"),
  INGEST_ENDS: ends,
  INGEST_GAVE_UP: gaveUp,
  INGEST_NO_COMMIT: ({ seconds, messages }) => ({
    word: "no commit",
    reason: `Ingest has committed nothing for ${duration(seconds)}${waiting(messages)}`,
    hint: "read ingest's log: the disk may be full, or the table may belong to another writer",
  }),
  INGEST_LOST: ({ lost }) => ({
    word: "lost",
    reason: `Kafka deleted ${plural(lost ?? 0, "message")} before ingest had read them`,
    hint: "they are booked as LOST (`tributary verify`); lengthen the topic's retention, or start more of ingest",
  }),
  INGEST_REJECTS: ({ share, dead }) => ({
    word: "rejects",
    reason: `${percent(share)} of the events are malformed (${count(dead)} dead letters)`,
    hint: "`tributary dead-letters list` shows each with its reason; repair the producer",
  }),
  TRAINER_MISSING: ({ hint }) => ({
    word: "missing",
    reason: "Training is stalled: no trainer is connected",
    hint: hint ?? "start one with `tributary trainer --server ws://HOST:PORT`",
  }),
  TRAINER_SILENT: ({ silent, all }) => ({
    word: "silent",
    reason: `${silent} of ${all} trainers ${silent === 1 ? "does" : "do"} not answer`,
    hint: "the others compute its parts; read its log",
  }),
  TRAINER_PARTIAL: ({ connected, expected }) => ({
    word: "partial",
    reason: `${connected} of ${expected} trainers are connected to the server`,
    hint:
      "a trainer connects by itself; read its log if it does not, start another one, or wait 5 min where it " +
      "was meant to leave",
  }),
  TRAINER_SUSPECT: ({ trainers }) => ({
    word: "suspect",
    reason: `A trainer did not return a part in time: ${namesOf(trainers)}`,
    hint: "its parts go to others meanwhile; read its log, or stop it: nothing is lost",
  }),
  TRAINER_CLOGGED: ({ trainers }) => ({
    word: "clogged",
    reason: `A trainer does not take what it is sent: ${namesOf(trainers)}`,
    hint: "it gets no part until it has caught up; look at the network between it and the server",
  }),
  TRAINER_ENDS: ends,
  TRAINER_GAVE_UP: gaveUp,
  SERVER_MISSING: missing("The parameter server", "start it with `tributary server`"),
  SERVER_SILENT: silent("The parameter server"),
  SERVER_WAITS: waits("The parameter server"),
  SERVER_STALLED: ({ seconds, trainers }) => ({
    word: "stalled",
    reason: `Training is stalled: no step for ${duration(seconds)} with ${plural(trainers, "trainer")}`,
    hint: "read the trainers' logs; a part not returned in time is leased to another trainer",
  }),
  SERVER_ENDS: ends,
  SERVER_GAVE_UP: gaveUp,
  SERVER_NOT_SAVED: ({ why }) => ({
    word: "not saved",
    reason: `The checkpoint could not be written: ${printable(why, MOST_OF_REASON)}`,
    hint:
      "training goes on, but a crash would cost all since the last one: look at the disk and the folder given " +
      "by --out",
  }),
  SERVER_OLD: ({ seconds }) => ({
    word: "old",
    reason: `The newest checkpoint is ${duration(seconds)} old`,
    hint: "checkpoints are made between two steps: see what the trainers are doing, and read the server's log",
  }),
  SERVER_STALE: (stale) => ({
    word: "stale",
    reason: `The published model is ${duration(stale.seconds)} behind the events`,
    hint: freshenedBy(stale),
  }),
  EVALUATOR_MISSING: missing("The evaluator", "start it with `tributary evaluator`: no model is published without it"),
  EVALUATOR_SILENT: silent("The evaluator"),
  EVALUATOR_WAITS: waits("The evaluator"),
  EVALUATOR_REFUSED: ({ round, why, ndcg, isInUse }) => ({
    word: "refused",
    reason: `Publication of round ${count(round)} was refused: ${why ?? `NDCG@100 ${ratio(ndcg)}`}`,
    hint: isInUse
      ? "the model published before stays in use"
      : "nothing is published yet; the next round is tried by itself",
  }),
  EVALUATOR_PINNED: ({ version }) => ({
    word: "pinned",
    reason: `Publication is pinned to ${version}: newer models are judged and not published`,
    hint: unpin,
  }),
  EVALUATOR_BEHIND: ({ round, seconds }) => ({
    word: "behind",
    reason: `The checkpoint of round ${count(round)} has waited ${duration(seconds)} for its evaluation`,
    hint: "the evaluator takes the newest checkpoint next; read its log if it stays behind",
  }),
  EVALUATOR_ENDS: ends,
  EVALUATOR_GAVE_UP: gaveUp,
  SERVE_MISSING: missing("Serve", "start it with `tributary serve`; training goes on meanwhile"),
  SERVE_SILENT: silent("Serve"),
  SERVE_ERRORS: ({ share }) => ({
    word: "errors",
    reason: `${percent(share)} of the requests failed`,
    hint: "read the log of serve",
  }),
  SERVE_ALONE: ({ why }) => ({
    word: "table only",
    reason: `Serve does not follow the topic: ${printable(why ?? "nobody knows why", MOST_OF_REASON)}`,
    hint: "answers go on from the table, some seconds later; it tries again by itself. Does Kafka run, and `ingest`?",
  }),
  SERVE_LATE: ({ seconds }) => ({
    word: "late",
    reason: `Events change answers late: 5 of 100 took more than ${elapsed(seconds)}`,
    hint: "the processor or Kafka is busy: give serve a core, or the stream more brokers",
  }),
  SERVE_ENDS: ends,
  SERVE_GAVE_UP: gaveUp,
};
