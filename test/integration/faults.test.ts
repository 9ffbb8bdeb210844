// Every fault at every moment of a run: whatever happens to trainers, network or server, the run ends with the bytes of
// one to which nothing happened. Real processes; the fault strikes while the very message waited for is under way
// (stage.ts). TRIBUTARY_SHOW_MATRIX=1 prints the hash of each cell.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
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
/** What runs end with to which nothing happens, by the flags that may change it. */
const clean: Record<string, string> = {};
const cells: { fault: string; moment: string; hash: string; seconds: number }[] = [];
const hashFor = (fault: Fault) => clean[fault.flags === single ? "single" : "small"]!;

beforeAll(async () => {
  cluster = openCluster();
  for (const [name, flags] of Object.entries({ small: [], single })) {
    const out = join(cluster.dir, name);
    const where = ["--data", cluster.data, "--out", out, "--data-dir", join(cluster.dir, "d")];
    const run = await tributary("train", "--trainers", "1", ...where, ...small, ...flags);
    expect(run.code, run.stderr).toBe(0);
    clean[name] = hashOf(out);
  }
}, 90_000);

afterAll(async () => {
  await cluster.free();
  if (process.env.TRIBUTARY_SHOW_MATRIX)
    console.table([...Object.entries(clean).map(([run, hash]) => ({ fault: "none", moment: run, hash })), ...cells]);
});

describe.each(Object.entries(moments))("at %s", (moment, steps) => {
  test.each(Object.entries(faults))(
    "%s: the same bytes",
    async (name, fault) => {
      const startedAt = performance.now();
      const out = `${name} at ${moment}`;
      const stage = await openStage(cluster, out, steps, fault.flags ?? [], fault.outside ?? false);
      onTestFinished(stage.close);
      await fault.strike(stage);
      expect(await stage.ended(), cluster.lastWords()).toBe(0);
      const hash = hashOf(join(cluster.dir, out));
      cells.push({ fault: name, moment, hash, seconds: Math.round(performance.now() - startedAt) / 1000 });
      expect(hash).toBe(hashFor(fault));
    },
    150_000,
  );
});
