// How many trainers there are, how far away, and what befalls them: none of it is to be seen in the model.
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { uniform } from "../../shared/compute/draws.ts";
import type { Spawned } from "../../shared/runtime/spawn.ts";
import { type Network, openProxy } from "./proxy.ts";
import { type Cluster, freePort, hashOf, openCluster, tiny, tributary } from "./training-cluster.ts";

/** Up to five parts a step, so that five trainers all have work; the last batch of a pass is one part, and smaller. */
const parts = [...tiny, "--part-size", "12"];
const EPOCHS = 4;
/** 841 steps: the last mishap is over before they are. */
const SOAK = { epochs: 40, trainers: 4, every: 50, lasts: 40, mishaps: 15 };

let cluster: Cluster;
/** What one trainer makes of so many epochs. */
let clean: string;
let cleanSoak: string;
const networks: Network[] = [];

beforeAll(async () => {
  cluster = openCluster();
  clean = await train(1, EPOCHS);
  cleanSoak = await train(1, SOAK.epochs);
}, 120_000);
afterEach(async () => {
  await cluster.killAll();
  await Promise.all(networks.splice(0).map((network) => network.close()));
});
afterAll(() => cluster.free());

async function train(trainers: number, epochs: number): Promise<string> {
  const out = join(cluster.dir, `${trainers} trainers, ${epochs} epochs`);
  const where = ["--data", cluster.data, "--out", out, "--data-dir", join(cluster.dir, "d")];
  const run = await tributary("train", "--trainers", String(trainers), "--epochs", String(epochs), ...where, ...parts);
  expect(run.code, run.stderr).toBe(0);
  return hashOf(out);
}

interface Runner {
  process: Spawned;
  readonly network: Network;
}

/**
 * A server and trainers that all have come to its port, each behind a network of its own that lets nothing pass yet.
 */
async function lineUp(
  name: string,
  count: number,
  epochs: number,
): Promise<{ server: Spawned; port: number; out: string; runners: Runner[] }> {
  const port = await freePort();
  const out = join(cluster.dir, name);
  const server = cluster.startServer(out, port, "--data", cluster.data, "--epochs", String(epochs), ...parts);
  const runners = await Promise.all(
    Array.from({ length: count }, async () => {
      const network = await openProxy(port);
      networks.push(network);
      network.halfOpen();
      return { process: cluster.startTrainer(network.port), network };
    }),
  );
  await cluster.until(server, () => networks.every(({ connections }) => connections > 0));
  return { server, port, out, runners };
}

test.each([2, 3, 5])("train with %i trainers makes the model of one, byte for byte", async (trainers) => {
  expect(await train(trainers, EPOCHS)).toBe(clean);
});

test.each([1, 2, 3, 5])(
  "%i trainer(s), each farther away than the one before: the same bytes in whatever order answers come",
  async (count) => {
    const { server, out, runners } = await lineUp(`${count} far away`, count, EPOCHS);
    runners.forEach(({ network }, k) => {
      network.heal();
      network.delay(8 * k);
    });
    await cluster.until(
      server,
      ({ trainers }) => trainers.length === count && trainers.every(({ parts }) => parts > 0),
    );
    expect(await server.exited, cluster.lastWords()).toBe(0);
    expect(hashOf(out)).toBe(clean);
  },
);

/** What befalls a trainer or its network; the answer makes it good again. */
const mishaps: readonly ((runner: Runner) => () => void)[] = [
  (runner) => {
    runner.process.child.kill("SIGKILL");
    return () => {
      runner.process = cluster.startTrainer(runner.network.port);
    };
  },
  ({ process: { child } }) => {
    child.kill("SIGSTOP");
    return () => child.kill("SIGCONT");
  },
  ({ network }) => {
    network.halfOpen();
    return network.heal;
  },
  ({ network }) => {
    network.cut();
    return network.heal;
  },
  ({ network }) => {
    network.delay(30);
    return network.heal;
  },
  ({ network }) => {
    network.throttle(100_000);
    return network.heal;
  },
];

test("four trainers to one of which something happens every 50 steps: the same bytes", async () => {
  const { server, out, runners } = await lineUp("soak", SOAK.trainers, SOAK.epochs);
  for (const { network } of runners) network.heal();
  const draws = uniform(5, 0, 0.5, new Float32Array(2 * SOAK.mishaps)).map((draw) => draw + 0.5);
  const drawn = <T>(from: readonly T[], k: number) => from[Math.floor(draws[k]! * from.length)]!;
  for (let k = 0; k < SOAK.mishaps; k++) {
    const at = (k + 1) * SOAK.every;
    await cluster.until(server, ({ step }) => step >= at);
    const makeGood = drawn(mishaps, 2 * k)(drawn(runners, 2 * k + 1));
    await cluster.until(server, ({ step }) => step >= at + SOAK.lasts);
    makeGood();
  }
  expect(await server.exited, cluster.lastWords()).toBe(0);
  expect(hashOf(out)).toBe(cleanSoak);
}, 180_000);
