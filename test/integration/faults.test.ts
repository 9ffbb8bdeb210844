// Every fault at every moment of a run: whatever happens to trainers, network or server, the run ends with the bytes of
// one to which nothing happened. Real processes; the fault strikes while the very message waited for is under way
// (stage.ts). TRIBUTARY_SHOW_MATRIX=1 prints the hash of each cell.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import type { EngineName } from "../../shared/compute/engine.ts";
import { withoutTensorflow } from "../unit/engines.ts";
import { moments, openStage, type Stage, single, small } from "./stage.ts";
import { type Cluster, hashOf, openCluster, tributary } from "./training-cluster.ts";

interface Fault {
  /** Of the server. Faults of the network are tried where all tensors go through it. */
  readonly flags?: readonly string[];
  /** The other trainer is not there at first. */
  readonly outside?: boolean;
  strike(stage: Stage): Promise<void>;
}

const overSocket = ["--no-shared-memory"];
const none: readonly string[] = [];

const faults: Record<string, Fault> = {
  "kill -9 of a trainer": {
    strike: async ({ leased, victim }) => {
      await leased();
      victim.process.child.kill("SIGKILL");
      victim.network.heal();
    },
  },
  "SIGSTOP of a trainer, which goes on later": {
    strike: async ({ leased, victim, says }) => {
      await leased();
      victim.process.child.kill("SIGSTOP");
      victim.network.heal();
      await says(passed());
      victim.process.child.kill("SIGCONT");
    },
  },
  "half-open connection, which heals later": {
    flags: overSocket,
    strike: async ({ leased, victim, says }) => {
      await leased();
      victim.network.halfOpen();
      await says(passed());
      victim.network.heal();
    },
  },
  "a trainer leaves before it sends": {
    flags: overSocket,
    strike: async ({ leased, victim }) => {
      await leased();
      const saysGoodbye = victim.network.holdAt("up", /./);
      victim.process.child.kill("SIGTERM");
      await saysGoodbye;
      victim.network.heal();
      expect(await victim.process.exited).toBe(0);
    },
  },
  "a trainer leaves after it sent": {
    flags: overSocket,
    strike: async ({ answered, victim }) => {
      await answered();
      victim.process.child.kill("SIGTERM");
      victim.network.heal();
      expect(await victim.process.exited).toBe(0);
    },
  },
  "a connection cut with the answer under way": {
    flags: overSocket,
    strike: async ({ answered, victim }) => {
      await answered();
      victim.network.cut();
      victim.network.heal();
    },
  },
  "a trainer joins while the only part is leased": {
    flags: single,
    outside: true,
    strike: async ({ leased, victim, other, says }) => {
      await leased();
      other.network.heal();
      await says(({ trainers }) => trainers.length === 2);
      victim.network.heal();
    },
  },
  "all trainers die, and new ones come": {
    strike: async ({ leased, victim, other, says, startTrainer }) => {
      await leased();
      for (const { process, network } of [victim, other]) {
        process.child.kill("SIGKILL");
        network.heal();
      }
      await says(({ state, hint }) => state === "waiting for trainers" && hint !== null);
      startTrainer();
      startTrainer();
    },
  },
  "kill -9 of the server": {
    strike: async ({ leased, victim, server, restartServer }) => {
      await leased();
      server.child.kill("SIGKILL");
      await server.exited;
      victim.network.heal();
      restartServer();
    },
  },
};

/** The server is beyond the step at which it stood when it was first asked. */
function passed(): (status: { step: number }) => boolean {
  let stoodAt: number | undefined;
  return ({ step }) => {
    stoodAt ??= step;
    return step > stoodAt;
  };
}

let cluster: Cluster;
/** What runs end with to which nothing happens, by the flags that may change it, on an engine. */
const clean: Record<string, string> = {};
const cells: { fault: string; moment: string; hash: string; seconds: number }[] = [];
const keyOf = (flags: Fault["flags"], engine?: EngineName) =>
  `${flags === single ? "single" : "small"}${engine ? ` on ${engine}` : ""}`;

async function cleanRun(flags: readonly string[], engine?: EngineName): Promise<void> {
  const key = keyOf(flags, engine);
  const out = join(cluster.dir, key);
  const where = ["--data", cluster.data, "--out", out, "--data-dir", join(cluster.dir, "d")];
  vi.stubEnv("TRIBUTARY_ENGINE", engine ?? process.env.TRIBUTARY_ENGINE);
  const run = await tributary("train", "--trainers", "1", ...where, ...small, ...flags);
  vi.unstubAllEnvs();
  expect(run.code, run.stderr).toBe(0);
  clean[key] = hashOf(out);
}

beforeAll(async () => {
  cluster = openCluster();
  for (const flags of [none, single]) await cleanRun(flags);
}, 90_000);

afterAll(async () => {
  await cluster.free();
  if (process.env.TRIBUTARY_SHOW_MATRIX)
    console.table([...Object.entries(clean).map(([run, hash]) => ({ fault: "none", moment: run, hash })), ...cells]);
});

async function survives(name: string, moment: string, engine?: EngineName): Promise<void> {
  const fault = faults[name]!;
  const startedAt = performance.now();
  const out = `${name} at ${moment}${engine ? ` on ${engine}` : ""}`;
  const wanted = { ...fault, ...(engine && { engine }) };
  const stage = await openStage(cluster, out, moments[moment as keyof typeof moments], wanted);
  onTestFinished(stage.close);
  await fault.strike(stage);
  expect(await stage.ended(), cluster.lastWords()).toBe(0);
  const hash = hashOf(join(cluster.dir, out));
  cells.push({ fault: name, moment, hash, seconds: Math.round(performance.now() - startedAt) / 1000 });
  expect(hash).toBe(clean[keyOf(fault.flags, engine)]);
}

describe.each(Object.keys(moments))("at %s", (moment) => {
  test.each(Object.keys(faults))("%s: the same bytes", (name) => survives(name, moment), 150_000);
});

/** On the graph engine, whose trainers are the longer in starting: all nine with TRIBUTARY_WHOLE_MATRIX=1. */
const onGraph = process.env.TRIBUTARY_WHOLE_MATRIX
  ? Object.keys(faults)
  : [
      "kill -9 of a trainer",
      "a trainer leaves after it sent",
      "a connection cut with the answer under way",
      "kill -9 of the server",
    ];

describe.skipIf(withoutTensorflow)("on the graph engine", () => {
  beforeAll(async () => {
    const flags = new Set(onGraph.map((name) => (faults[name]!.flags === single ? single : none)));
    for (const each of flags) await cleanRun(each, "graph");
  }, 90_000);
  const at = Object.keys(moments);
  const pairs = onGraph.map((name, k) => [name, at[k % at.length]!] as const);
  test.each(pairs)("%s at %s: the same bytes", (name, moment) => survives(name, moment, "graph"), 150_000);
});
