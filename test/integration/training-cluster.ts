// For tests: a small dataset, a parameter server and trainers as real processes on loopback, and a look at where the
// run stands.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { uniform } from "../../shared/compute/draws.ts";
import { discover } from "../../shared/http/registry.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import { type Spawned, spawnService } from "../../shared/runtime/spawn.ts";
import { type StatusOf, silent, statusAt } from "./said.ts";

export interface Cluster {
  readonly dir: string;
  readonly data: string;
  /** What the servers' log ends with, to be shown where a test fails. */
  lastWords(): string;
  /** Ends all that was started and still runs, with SIGKILL: what is left of a test is of no interest. */
  killAll(): Promise<void>;
  free(): Promise<void>;
  startServer(out: string, port: number, ...flags: string[]): Spawned;
  startTrainer(port: number, ...flags: string[]): Spawned;
  /** Polls /status until it shows what is wanted. Throws after `limitMs`. */
  until(server: Spawned, wanted: (status: ServerStatus) => boolean, limitMs?: number): Promise<ServerStatus>;
}

export type ServerStatus = StatusOf<"server">;

/** Tiny, yet every pass has several steps, several parts and a smaller last batch. */
export const tiny = ["--hidden", "24", "--latent", "8", "--batch-size", "60", "--part-size", "20", "--seed", "7"];

export function openCluster(): Cluster {
  const dir = mkdtempSync(join(tmpdir(), "tributary-cluster-"));
  const data = join(dir, "data");
  writeDataset(data);
  const started: Spawned[] = [];
  const kept = (spawned: Spawned) => {
    started.push(spawned);
    return spawned;
  };
  const log = (name: string) => ({ log: join(dir, `${name}.log`) });
  const runs = join(dir, "run-data");
  const lastWords = () => readFileSync(join(dir, "server.log"), "utf8").slice(-2000);
  return {
    dir,
    data,
    startServer: (out, port, ...flags) =>
      kept(
        spawnService(
          "server",
          ["--out", out, "--listen", `127.0.0.1:${port}`, "--data-dir", runs, ...tiny, ...flags],
          log("server"),
        ),
      ),
    startTrainer: (port, ...flags) =>
      kept(
        spawnService("trainer", ["--server", `ws://127.0.0.1:${port}`, "--data-dir", runs, ...flags], {
          ...log("trainer"),
          threads: 1,
        }),
      ),
    until: async (server, wanted, limitMs = 30_000) => {
      for (const end = Date.now() + limitMs; Date.now() < end; await sleep(10)) {
        const entry = discover(join(runs, "run")).find(({ pid }) => pid === server.child.pid);
        const status = entry && (await statusAt("server", entry.url).catch(silent));
        if (status && wanted(status)) return status;
        if (!server.running) break;
      }
      throw new Error(`the server never got there; its log ends:\n${lastWords()}`);
    },
    lastWords,
    killAll: async () => {
      for (const { child } of started) child.kill("SIGKILL");
      await Promise.all(started.splice(0).map(({ exited }) => exited));
    },
    free: async () => {
      await Promise.all(started.map((each) => each.stop()));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const bin = fileURLToPath(new URL("../../infra/tributary.mjs", import.meta.url));

/** One command to its end. */
export async function tributary(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [bin, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stdout, stderr };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Of the best epoch's model and of the newest checkpoint's, so that a run that repeated its last epoch cannot hide a
 * difference.
 */
export function hashOf(out: string): string {
  const newest = readdirSync(join(out, "checkpoints"))
    .filter((name) => /^\d/.test(name))
    .sort()
    .at(-1)!;
  const hash = createHash("sha256");
  for (const dir of [out, join(out, "checkpoints", newest)]) hash.update(readFileSync(join(dir, "model.safetensors")));
  return hash.digest("hex");
}

/** 60 items in two tastes, 250 training and 30 + 30 held-out users, from fixed draws. */
function writeDataset(dir: string): void {
  const items = 60;
  const users = 310;
  const draws = uniform(11, 1, 0.5, new Float32Array(users * 24)).map((draw) => draw + 0.5);
  const rows = Array.from({ length: users }, (_, user) => {
    const length = 5 + Math.floor(draws[user * 24]! * 15);
    const taste = user % 2;
    return [
      ...new Set(
        Array.from({ length }, (_, k) =>
          Math.min(items - 1, Math.floor(draws[user * 24 + 1 + k]! ** 2 * (items / 2)) * 2 + taste),
        ),
      ),
    ];
  });
  const csv = (pairs: (readonly [number, number])[]) =>
    `uid,sid\n${pairs.map((pair) => `${pair.join(",")}\n`).join("")}`;
  const pairs = (from: number, to: number, keep: (k: number) => boolean) =>
    rows.slice(from, to).flatMap((row, k) => row.filter((_, at) => keep(at)).map((item) => [from + k, item] as const));
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "unique_sid.txt"), Array.from({ length: items }, (_, k) => `i${k}\n`).join(""));
  writeFileSync(join(dir, "train.csv"), csv(pairs(0, 250, () => true)));
  for (const [part, from, to] of [
    ["validation", 250, 280],
    ["test", 280, 310],
  ] as const) {
    writeFileSync(join(dir, `${part}_tr.csv`), csv(pairs(from, to, (k) => k % 5 !== 4)));
    writeFileSync(join(dir, `${part}_te.csv`), csv(pairs(from, to, (k) => k % 5 === 4)));
  }
}
