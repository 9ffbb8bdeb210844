import { existsSync, mkdirSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { Exchange, type Offer } from "../../shared/training/exchange.ts";
import type { Elsewhere } from "../../shared/training/messages.ts";
import type { WireTensor } from "../../shared/training/tensors.ts";
import { closeAll, config, connect, contribution, hello, posterior, startScheduler, work } from "./talker.ts";

afterEach(closeAll);

test("a trainer is sent the weights before its lease, and its answer ends the step", async () => {
  const { peers, scheduler } = await startScheduler();
  const trainer = await connect(peers.url);
  trainer.say(hello);
  await trainer.hear("welcome");
  trainer.say({ type: "ask" });
  const done = scheduler.run(work, new AbortController().signal);
  await trainer.hear("weights");
  expect((await trainer.hear("lease")).head).toMatchObject({
    step: 4,
    part: 0,
    versions: { hidden: 9, decoder: null },
  });
  trainer.say(contribution, posterior(2));
  const [received] = await done;
  expect([...received!.tensors.mu!.data]).toEqual([2, 2, 2, 2, 2, 2]);
  trainer.say(contribution, posterior(3));
  expect((await trainer.hear("late")).head).toMatchObject({ step: 4, part: 0 });
  expect(scheduler.status().contributions).toMatchObject({ accepted: 1, late: 1, duplicate: 0 });
  expect(scheduler.status().trainers.get("t1")).toMatchObject({
    parts: 1,
    late: 1,
    seconds: { data: 1, compute: 2, wait: 4 },
    state: "waiting",
  });
});

test("a second answer to the same part of an open step is told to be a duplicate", async () => {
  const { peers, scheduler } = await startScheduler();
  const trainer = await connect(peers.url);
  trainer.say(hello);
  trainer.say({ type: "ask" });
  const done = scheduler.run(
    { ...work, parts: [Uint32Array.of(0, 1), Uint32Array.of(2, 3)] },
    new AbortController().signal,
  );
  await trainer.hear("lease");
  trainer.say(contribution, posterior(2));
  trainer.say(contribution, posterior(3));
  expect((await trainer.hear("duplicate")).head).toMatchObject({ step: 4, part: 0 });
  trainer.say({ type: "ask" });
  await trainer.hear("lease");
  trainer.say({ ...contribution, part: 1 }, posterior(4));
  expect((await done).map(({ tensors }) => tensors.mu!.data[0])).toEqual([2, 4]);
  expect(scheduler.status().contributions).toMatchObject({ accepted: 2, late: 0, duplicate: 1 });
});

test("a part that is not returned in time goes to the same trainer when it has come back, though its old connection still stands", async () => {
  const { peers, scheduler } = await startScheduler();
  const [old, again] = [await connect(peers.url), await connect(peers.url)];
  for (const trainer of [old, again]) {
    trainer.say(hello);
    await trainer.hear("welcome");
    trainer.say({ type: "ask" });
  }
  const done = scheduler.run(work, new AbortController().signal);
  await old.hear("lease");
  await again.hear("lease");
  expect(scheduler.status()).toMatchObject({
    deadlineMs: 5_000,
    parts: { total: 1, leased: 1, done: 0 },
    contributions: { expired: 1 },
  });
  expect([...scheduler.status().trainers.values()].map(({ state }) => state)).toEqual(["suspect", "computing"]);
  old.say(contribution, posterior(1));
  await done;
  again.say(contribution, posterior(1));
  await again.hear("late");
}, 15_000);

test("an answer that lay in the socket while the server was busy past its deadline is in time", async () => {
  const { peers, scheduler } = await startScheduler();
  const trainer = await connect(peers.url);
  trainer.say(hello);
  for (let step = 4; step < 8; step++) {
    trainer.say({ type: "ask" });
    const done = scheduler.run({ ...work, step }, new AbortController().signal);
    await trainer.hear("lease");
    const { deadlineMs, contributions } = structuredClone({ ...scheduler.status(), engines: [], trainers: [] });
    trainer.say({ ...contribution, step }, posterior(1));
    if (step === 7) for (const end = performance.now() + 2 * deadlineMs!; performance.now() < end; );
    await done;
    if (step === 7) expect(scheduler.status().contributions.expired).toBe(contributions.expired);
  }
});

test.each<[string, (peer: Awaited<ReturnType<typeof connect>>) => void, RegExp]>([
  ["bytes that are no frame", (peer) => peer.raw(new Uint8Array(100)), /not a frame/],
  ["a message before hello", (peer) => peer.say({ type: "ask" }), /before hello/],
  ["an unknown message", (peer) => peer.say({ type: "steal" }), /steal/],
  [
    "too much before hello",
    (peer) => peer.say(hello, [{ name: "x", shape: [1e5], data: new Float32Array(1e5) }]),
    /above the limit/,
  ],
])("a peer that sends %s is told why and dropped", async (_, misbehave, why) => {
  const { peers } = await startScheduler();
  const peer = await connect(peers.url);
  misbehave(peer);
  expect((await peer.hear("rejected")).head.why).toMatch(why);
  expect(await peer.closed).toBe(1008);
  expect(peers.list()).toEqual([]);
});

test.each<[string, object, WireTensor[]]>([
  ["a wrong shape", contribution, posterior(1).slice(1)],
  ["an answer to a part that it was not leased", { ...contribution, part: 7 }, posterior(1)],
  ["a later step", { ...contribution, step: 400 }, posterior(1)],
])("a trainer that answers with %s is dropped, and another one finishes the step", async (_, head, tensors) => {
  const { peers, scheduler } = await startScheduler();
  const done = scheduler.run(work, new AbortController().signal);
  const bad = await connect(peers.url);
  bad.say(hello);
  bad.say({ type: "ask" });
  await bad.hear("lease");
  bad.say(head, tensors);
  expect((await bad.hear("rejected")).head.why).toMatch(/FRAME_MALFORMED/);
  const good = await connect(peers.url);
  good.say(hello);
  good.say({ type: "ask" });
  await good.hear("lease");
  good.say(contribution, posterior(1));
  expect(await done).toHaveLength(1);
});

test("a trainer whose answer is not finite is told so and dropped, and another one finishes the step", async () => {
  const { peers, scheduler } = await startScheduler();
  const [bad, good] = [await connect(peers.url), await connect(peers.url)];
  for (const trainer of [bad, good]) {
    trainer.say(hello);
    await trainer.hear("welcome");
    trainer.say({ type: "ask" });
  }
  const done = scheduler.run(work, new AbortController().signal);
  await bad.hear("lease");
  bad.say(contribution, posterior(Number.NaN));
  expect((await bad.hear("rejected")).head.why).toMatch(
    /NOT_FINITE: tensor mu of the answer is not finite: step 4, part 0/,
  );
  await good.hear("lease");
  good.say(contribution, posterior(1));
  const [received] = await done;
  expect([...received!.tensors.mu!.data]).toEqual([1, 1, 1, 1, 1, 1]);
  expect(scheduler.status().contributions).toMatchObject({ accepted: 1, notFinite: 1 });
});

test("an answer that is not finite stops the run when there is nobody else", async () => {
  const { peers, scheduler } = await startScheduler();
  const done = scheduler.run(work, new AbortController().signal);
  const trainer = await connect(peers.url);
  trainer.say(hello);
  trainer.say({ type: "ask" });
  await trainer.hear("lease");
  trainer.say(contribution, posterior(Number.NaN));
  await expect(done).rejects.toThrow(/NOT_FINITE.*step 4/);
});

const described = posterior(0).map(({ name, shape }) => ({ name, type: "f32", shape }));

test("on one machine weights, lease and answer lie in files, and weights are not overwritten before every reader took them", async () => {
  const exchange = Exchange.open()!;
  const { peers, scheduler } = await startScheduler(exchange);
  const trainer = await connect(peers.url);
  trainer.say(hello);
  const { head: welcome } = await trainer.hear("welcome");
  const mine = Exchange.join(welcome.exchange as Offer)!;
  trainer.say({ type: "shares" });
  const files: string[] = [];
  for (const [version, step] of [
    [9, 4],
    [10, 5],
    [11, 6],
  ] as const) {
    trainer.say({ type: "ask" });
    const weights = () => [{ name: "x", shape: [2], data: Float32Array.of(version, step) }];
    const done = scheduler.run(
      { ...work, step, hidden: { version, model: config, tensors: weights } },
      new AbortController().signal,
    );
    const { head: told } = await trainer.hear("weights");
    const { file } = told.elsewhere as Elsewhere;
    const memory = new Uint8Array(8);
    mine.read(file, memory);
    expect([...new Float32Array(memory.buffer)]).toEqual([version, step]);
    files.push(file);
    if (version > 9) trainer.say({ type: "took", group: "hidden", version }); // the first is never said to be taken
    const { head: lease } = await trainer.hear("lease");
    expect(lease.elsewhere).toMatchObject({ tensors: [] });
    expect(mine.write("t1-0", posterior(version))).toBe(true);
    trainer.say({ ...contribution, step, elsewhere: { file: "t1-0", tensors: described } });
    const [received] = await done;
    expect(received!.tensors.mu!.data[0]).toBe(version);
  }
  expect(new Set(files).size).toBe(2);
  expect(files[2]).toBe(files[1]);
  mine.close();
  exchange.close();
});

/** A peer that says it shares files, with the lease of an open step. */
async function leased({ peers, scheduler }: Awaited<ReturnType<typeof startScheduler>>) {
  scheduler.run(work, new AbortController().signal).catch(() => {});
  const peer = await connect(peers.url);
  peer.say(hello);
  peer.say({ type: "shares" });
  peer.say({ type: "ask" });
  await peer.hear("lease");
  return peer;
}

test.each([
  ["of another peer", { file: "t2-0", tensors: described }],
  ["that is not there", { file: "t1-9", tensors: described }],
  ["that is too large", { file: "t1-0", tensors: [{ name: "mu", type: "f32", shape: [1e9] }] }],
])("a peer that names a file %s is dropped", async (_, elsewhere) => {
  const exchange = Exchange.open()!;
  const bad = await leased(await startScheduler(exchange));
  bad.say({ ...contribution, elsewhere });
  expect((await bad.hear("rejected")).head.why).toMatch(/FRAME_MALFORMED/);
  exchange.close();
});

test("a peer that agreed on no files cannot name one", async () => {
  const bad = await leased(await startScheduler());
  bad.say({ ...contribution, elsewhere: { file: "t1-0", tensors: described } });
  expect((await bad.hear("rejected")).head.why).toMatch(/nobody agreed on/);
});

test("an offer is taken only with the proof, and only where such files lie", () => {
  const exchange = Exchange.open()!;
  expect(Exchange.join({ ...exchange.offer, proof: "guessed" })).toBeUndefined();
  expect(Exchange.join({ dir: "/etc", proof: "" })).toBeUndefined();
  expect(Exchange.join({ dir: `${exchange.offer.dir}/../../tmp`, proof: "" })).toBeUndefined();
  expect(Exchange.join({ dir: `${exchange.offer.dir}x`, proof: exchange.offer.proof })).toBeUndefined();
  exchange.close();
  expect(Exchange.join(exchange.offer)).toBeUndefined();
});

test("files of a server that was killed are removed by the next one", () => {
  const left = "/dev/shm/tributary-4194305-abcdef"; // above any process id
  mkdirSync(left);
  Exchange.open()!.close();
  expect(existsSync(left)).toBe(false);
});

test("when the run is over trainers are told so", async () => {
  const { peers } = await startScheduler();
  const trainer = await connect(peers.url);
  trainer.say(hello);
  await trainer.hear("welcome");
  await peers.close(true);
  await trainer.hear("done");
  await trainer.closed;
});
