// Every message that a trainer can send, mutated, against a server that listens and has a step open: it never throws, a
// bad peer is told why and is gone, and an honest one finishes the step with the right numbers. What is no mistake
// after all must be harmless.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Exchange, type Offer } from "../../shared/training/exchange.ts";
import { encode } from "../../shared/training/frames.ts";
import { bytesOf, describeTensor } from "../../shared/training/tensors.ts";
import { type Json, type Message, mutations, wrongTensors } from "./mutations.ts";
import { closeAll, connect, contribution, hello, posterior, startScheduler, type Talker, work } from "./talker.ts";

/** What a peer has done before it misbehaves. */
const moments = ["stranger", "greeted", "leased", "sharing"] as const;
type Moment = (typeof moments)[number];

/** A valid message of every type. */
const messages = (step: number, id: string): Record<string, Message> => {
  const answer = { ...contribution, step };
  const elsewhere = { file: `${id}-0`, tensors: posterior(step).map(describeTensor) as unknown as Json };
  return {
    hello: { head: hello, tensors: [] },
    shares: { head: { type: "shares" }, tensors: [] },
    ask: { head: { type: "ask" }, tensors: [] },
    took: { head: { type: "took", group: "hidden", version: 9 }, tensors: [] },
    contribution: { head: answer, tensors: posterior(step) },
    "contribution in a file": { head: { ...answer, elsewhere }, tensors: [] },
  };
};
const kinds = Object.keys(messages(0, ""));
const withoutTensors = kinds.filter((kind) => kind !== "contribution");

interface Attack {
  readonly moment: Moment;
  /** What is sent, to a step and under a name given later. */
  frames(step: number, id: string): (Uint8Array | string)[];
  readonly isWrong: boolean;
  readonly toString: () => string;
}
const attack = (moment: Moment, label: string, isWrong: boolean, frames: Attack["frames"]): Attack => ({
  moment,
  frames,
  isWrong,
  toString: () => `${moment}: ${label}`,
});

const moment = fc.constantFrom(...moments);
const kind = fc.constantFrom(...kinds);
const mutated = Object.entries(mutations).map(([name, arbitrary]): [string, fc.Arbitrary<Attack>] => [
  name,
  fc
    .tuple(moment, kind, arbitrary)
    .map(([moment, kind, { of, isWrong, label }]) =>
      attack(moment, `${kind}, ${label}`, isWrong, (step, id) => of(messages(step, id)[kind]!)),
    ),
]);
const tensorsChanged = fc
  .tuple(moment, wrongTensors)
  .map(([moment, { of, label }]) => attack(moment, label, true, (step, id) => of(messages(step, id).contribution!)));
const tensorsWhereNoneBelong = fc
  .tuple(moment, fc.constantFrom(...withoutTensors))
  .map(([moment, kind]) =>
    attack(moment, `${kind} with tensors`, true, (step, id) =>
      encode(messages(step, id)[kind]!.head as object, posterior(step)),
    ),
  );
const inAnyOrder = fc
  .tuple(moment, fc.array(kind, { minLength: 1, maxLength: 8 }))
  .map(([moment, kinds]) =>
    attack(moment, kinds.join(", "), false, (step, id) =>
      kinds.map((each) => messages(step, id)[each]!).flatMap(({ head, tensors }) => encode(head as object, tensors)),
    ),
  );

let server: Awaited<ReturnType<typeof startScheduler>>;
let exchange: Exchange;
let honest: Talker;
let step = 0;

beforeAll(async () => {
  process.env.TRIBUTARY_LOG_LEVEL = "error"; // thousands join and leave
  exchange = Exchange.open()!;
  server = await startScheduler(exchange);
  honest = await connect(server.peers.url);
  honest.say(hello);
  await honest.hear("welcome");
});
afterAll(async () => {
  await closeAll();
  exchange.close();
});

/** Comes as far as `moment`; answers its name. */
async function prepared(peer: Talker, moment: Moment): Promise<string> {
  if (moment === "stranger") return "t0";
  peer.say(hello);
  const { head } = await peer.hear("welcome");
  const id = head.trainer as string;
  if (moment === "sharing") {
    writeFileSync(join((head.exchange as Offer).dir, `${id}-0`), Buffer.concat(posterior(step).flatMap(bytesOf)));
    peer.say({ type: "shares" });
  }
  if (moment !== "greeted") {
    peer.say({ type: "ask" });
    await peer.hear("lease");
  }
  return id;
}

async function survives({ moment, frames, isWrong }: Attack): Promise<void> {
  const { peers, scheduler } = server;
  step++;
  const done = scheduler.run({ ...work, step }, new AbortController().signal);
  const peer = await connect(peers.url);
  const id = await prepared(peer, moment);
  for (const frame of frames(step, id)) peer.socket.send(frame);
  // A pong comes after everything that the server had to say to what came before it.
  const pong = new Promise<undefined>((resolve) => peer.socket.once("pong", () => resolve(undefined)));
  peer.socket.ping();
  const rejected = peer.hear("rejected");
  const verdict = await (isWrong ? rejected : Promise.race([rejected, pong]));
  if (verdict) {
    expect(verdict.head.why).toMatch(/^(FRAME_MALFORMED|PEER_REJECTED|NOT_FINITE): ./);
    expect(await peer.closed).toBe(1008);
    expect(peers.list().map((each) => each.id)).not.toContain(id);
  } else {
    peer.socket.terminate();
    await peer.closed;
  }
  if (scheduler.status().parts.total > 0) {
    honest.say({ type: "ask" });
    await honest.hear("lease");
    honest.say({ ...contribution, step }, posterior(step));
  }
  const [received] = await done;
  for (const name of ["mu", "logvar"]) expect([...received!.tensors[name]!.data]).toEqual(Array(6).fill(step));
}

test.each<[string, fc.Arbitrary<Attack>]>([
  ...mutated,
  ["tensors renamed, reshaped, of other types, truncated", tensorsChanged],
  ["tensors where none belong", tensorsWhereNoneBelong],
  ["valid messages in any order and number", inAnyOrder],
])("%s: a bad peer hears why, and the step is finished with the right numbers", async (_, attacks) => {
  await fc.assert(fc.asyncProperty(attacks, survives), { seed: 1337, numRuns: 60 });
});
