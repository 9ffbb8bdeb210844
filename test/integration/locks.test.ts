// Locks between real processes: a race for those that the dead have left, and a parameter server that is killed,
// stopped, or runs in another container.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { claimName } from "../../shared/locks/claims.ts";
import { ownIdentity } from "../../shared/runtime/identity.ts";
import { killAll, start, until } from "./processes.ts";

const cli = fileURLToPath(new URL("../../infra/tributary.mjs", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));
let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tributary-locks-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
afterAll(killAll);

const serverArgs = () => [
  "server",
  "--table",
  join(dir, "none"),
  "--out",
  join(dir, "out"),
  "--listen",
  "127.0.0.1:0",
  "--data-dir",
  dir,
];
const claims = () => readdirSync(join(dir, "out")).filter((name) => name.startsWith("server.lock"));
const holds = (pid: number) =>
  until(`${pid} holds the lock`, () => claims().some((name) => name.split(".")[3] === String(pid)));

/** A server that holds the lock. */
async function serving() {
  mkdirSync(join(dir, "out"), { recursive: true });
  const server = start(serverArgs());
  await holds(server.child.pid!);
  return server;
}

test("of processes that race for the locks of dead ones, never are two inside", async () => {
  const rounds = 25;
  for (let round = 0; round < rounds; round++) {
    const dead = { ...ownIdentity(), pid: 4_194_305, started: "17" };
    writeFileSync(join(dir, claimName(`lock.${round}`, "0".repeat(12), dead, "h")), "");
    writeFileSync(join(dir, `lock.${round}`), round % 2 ? "" : "4194305"); // as earlier versions left them
  }
  const at = Date.now() + 4_000;
  const racers = Array.from({ length: 4 }, () => {
    const racer = fileURLToPath(new URL("./lock-racer.ts", import.meta.url));
    const child = spawn(process.execPath, ["--import", "tsx", racer, dir, String(at), String(rounds)], {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    return once(child, "close").then(([code]) => ({ code, said }));
  });
  expect(await Promise.all(racers)).toEqual(racers.map(() => ({ code: 0, said: "met 0 others" })));
  expect(readdirSync(dir)).toEqual([]);
});

test("a server that was killed is followed at once; one that lives, or stands still, is not", async () => {
  const first = await serving();
  first.child.kill("SIGKILL");
  const second = await serving();
  second.child.kill("SIGSTOP");
  const third = await start(serverArgs()).ended;
  expect(third.code).toBe(1);
  expect(third.stderr).toMatch(
    new RegExp(`ALREADY_RUNNING: a parameter server writes to \\S+: pid ${second.child.pid}\\.`),
  );
  second.child.kill("SIGCONT");
  second.child.kill("SIGTERM");
  expect((await second.ended).code).toBe(0);
  expect(claims()).toEqual([]);
});

const hasNamespaces = spawnSync("unshare", ["--pid", "--fork", "--mount-proc", "true"]).status === 0;
test.skipIf(!hasNamespaces)("a server in another PID namespace, where both have the number 1, is refused", async () => {
  const inContainer = () =>
    spawn("unshare", ["--pid", "--fork", "--mount-proc", "--kill-child", process.execPath, cli, ...serverArgs()], {
      stdio: ["ignore", "ignore", "pipe"],
    });
  mkdirSync(join(dir, "out"));
  const first = inContainer();
  await holds(1);
  const second = inContainer();
  let said = "";
  second.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  expect(await once(second, "close")).toEqual([1, null]);
  expect(said).toMatch(/ALREADY_RUNNING: a parameter server writes to \S+: pid 1, host /);
  expect(claims()).toHaveLength(1);
  first.kill("SIGKILL");
  await once(first, "exit");
});
