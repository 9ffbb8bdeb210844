// What the parameter server says of itself and of its trainers at GET /status. Owned by services/server, which answers
// it; health, train, bench and tests read it.
import { z } from "zod";
import { phaseNames } from "../../training/phases.ts";
import { key } from "./tolerant.ts";
import {
  at,
  bytes,
  count,
  cpuAccounts,
  heldUp,
  latency,
  millis,
  perSecond,
  type Said,
  seconds,
  service,
  text,
  traffic,
} from "./units.ts";

export const trainerStates = ["computing", "waiting", "suspect", "clogged"] as const;

const trainer = z.object({
  id: text("its number at this server, t1 and so on"),
  name: text("as it calls itself"),
  engine: text("what it multiplies with"),
  device: text(
    "what it computes on: `CPU`, or the GPU by its number and name; null of one that does not say",
  ).nullable(),
  threads: count("of its engine"),
  tensorsBy: z.enum(["memory", "socket"]).describe("memory: through files in memory that both processes see"),
  lastSeenAt: at("when it was last heard"),
  state: z
    .enum(trainerStates)
    .describe(
      "suspect: it let a deadline pass and was not heard since; clogged: its socket does not drain; neither gets " +
        "a part",
    ),
  parts: count("contributions of it that were accepted"),
  late: count("contributions of it that came after another's"),
  duplicate: count("contributions that it had made before"),
  partMs: millis("median of its newest parts, from lease to answer").nullable(),
  seconds: z
    .object({
      data: seconds("making the part's inputs"),
      compute: seconds("computing"),
      push: seconds("writing answers"),
      wait: seconds("with nothing to do"),
      pull: seconds("reading weights and leases"),
    })
    .describe("its time since it joined, by what it did"),
  since: at("when it began the part at hand").nullable(),
});

/** Steps of a phase, and where their time went. */
const timing = z.object({
  steps: count("so far"),
  seconds: seconds("from the opening of each step to the opening of the next, all summed"),
  sections: z
    .record(z.string(), z.number())
    .describe("seconds by section: trainers' summed over all parts, the server's own while trainers wait"),
});
export type Timing = z.output<typeof timing>;

const loss = { reconstruction: count("mean over the users"), kl: count("mean over the users") };

export const epochReport = z.object({
  epoch: count("its number, from 1"),
  seconds: seconds("that it took"),
  loss: z.object(loss).describe("of the passes that move the encoder"),
  validation: z
    .object({ "ndcg@100": count("mean over the validation users; null where there are none").nullable() })
    .describe("after the epoch"),
  usersPerSecond: perSecond("training users"),
});

export const serverStatus = z.object({
  service: service("server"),
  listen: text("address for trainers, ws://HOST:PORT or wss://HOST:PORT"),
  state: z
    .enum(["waiting for events", "waiting for trainers", "training", "idle", "draining"])
    .describe("idle: no new events; training goes on when some arrive"),
  hint: text("what to do next, as a sentence; null for nothing").nullable(),
  round: count("outer epochs completed"),
  step: count("steps opened so far"),
  phase: z.enum(phaseNames).nullable().describe("of the newest step"),
  parts: z
    .object({ total: count("parts of the open step"), leased: count("with a trainer"), done: count("answered") })
    .describe("of the open step"),
  deadlineMs: millis("how long a part of the open step may take").nullable(),
  contributions: z
    .object({
      accepted: count("that moved the weights"),
      late: count("that came after another's"),
      duplicate: count("that the same trainer had made before"),
      expired: count("leases that ran out"),
      unasked: count("that nobody had asked for"),
      notFinite: count("with a number that is none"),
      rejected: count("trainers that were dropped and told why"),
    })
    .describe("what became of trainers' answers since the server started"),
  loss: z
    .object({ ...loss, total: count("both") })
    .nullable()
    .describe("of the newest round; null before the first"),
  lossHistory: z
    .array(z.object({ at: key(at("end of the round")), round: count("its number"), ...loss }))
    .describe("the newest 500 rounds, oldest first"),
  norms: z
    .object({
      gradient: count("of the newest measured gradients").nullable(),
      update: count("of what they moved").nullable(),
    })
    .describe("Euclidean, over all weights; null before the first update and in local mode"),
  local: z
    .object({
      every: count("batches that each trainer took on its own in the newest stint").nullable(),
      exchangeShare: count(
        "of the newest stints' time, what was no arithmetic: weights out, how far they came back",
      ).nullable(),
    })
    .nullable()
    .describe("of local mode; null in exact mode, its values before the first stint"),
  epochs: z.array(epochReport).describe("of a run of fixed length; none where training has no end"),
  epoch: z
    .object({
      step: count("steps done"),
      steps: count("in all"),
      loss: z.object(loss).nullable().describe("so far; null before the first step that has one"),
      usersPerSecond: perSecond("training users, since this process began with it").nullable(),
      secondsLeft: seconds("until its last step, at this pace").nullable(),
    })
    .nullable()
    .describe("the outer epoch that is under way; null between two"),
  work: text("what it is at beside the steps, and how far; null for nothing that takes long").nullable(),
  users: count("training users of the round"),
  items: count("of the model"),
  itemsWaiting: count("new items that wait for enough users"),
  itemsForgotten: count("new items that there was no room to remember"),
  eventsLeftOut: count("events of users or items without room"),
  tableVersion: count("that the round is planned on; null without a table").nullable(),
  watermark: at("arrival of the newest event of that version; null without a table").nullable(),
  freshness: latency,
  timings: z.partialRecord(z.enum(phaseNames), timing).describe("by phase"),
  cpu: cpuAccounts,
  peakMemoryBytes: bytes("most memory that the process has had"),
  stepsPerMinute: count("steps answered in the last minute"),
  trainers: z.array(trainer).describe("those that are connected"),
  checkpoint: z
    .object({
      step: count("of the newest on disk").nullable(),
      round: count("of the newest on disk").nullable(),
      at: at("when it was written").nullable(),
      seconds: seconds("that writing took; null where another process wrote it").nullable(),
      pauseSeconds: seconds("that the steps waited for it; null where another process wrote it").nullable(),
      bytes: bytes("that it wrote: what had changed; null where another process wrote it").nullable(),
      bytesWritten: bytes("by all of this process"),
      lastError: text("why the one after it could not be written").nullable(),
      ageSeconds: seconds("since it was written, by a clock that nobody sets").nullable(),
    })
    .nullable()
    .describe("null before the first"),
  bytes: z
    .object({
      ...traffic,
      waiting: bytes("sent, and not taken yet by whom it was sent to"),
      memory: z.object(traffic).describe("through files in memory"),
    })
    .describe("since the server started, over sockets"),
  bytesPerStep: z
    .object(traffic)
    .nullable()
    .describe("over sockets, mean of the last minute; null before the second step"),
  epochsWanted: count("of a run of fixed length; null where training has no end").nullable(),
  heldUp,
});
export type ServerStatus = Said<typeof serverStatus>;
