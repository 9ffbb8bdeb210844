// `up` keeps its promise: whatever ends is started again, and only its own end ends the rest, however it comes: Ctrl-C
// during the start, a closed pipe, kill -9, SIGHUP.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { discover } from "../../shared/http/registry.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { killAll, type Running, start, until } from "./processes.ts";
import { silent, statusAt } from "./said.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-up-"));
const { run, kafka } = pathsOf(folder);
const up = (...flags: string[]) =>
  start(["up", "--data-dir", folder, "--port", "0", "--trainers", "1", ...flags], {
    KAFKA_BROKERS: "",
    TRIBUTARY_HIDDEN: "16",
    TRIBUTARY_LATENT: "8",
  });

afterAll(() => {
  killAll();
  for (const { pid } of ours()) process.kill(pid, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** Processes whose command line names our folder. */
const ours = () =>
  readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        return command.includes(folder) ? [{ pid, command }] : [];
      } catch {
        return []; // it ended while we looked
      }
    });

const pidOf = (service: string) => discover(run).findLast((each) => each.service === service)?.pid;
const broker = () => JSON.parse(readFileSync(join(kafka, "broker.json"), "utf8")) as { pid: number; port: number };

async function rows(): Promise<number> {
  const ingest = discover(run).findLast(({ service }) => service === "ingest");
  return (ingest && (await statusAt("ingest", ingest.url).catch(silent)))?.table.rows ?? 0;
}

async function flows(after = 0): Promise<void> {
  await until(`more than ${after} rows`, async () => (await rows()) > after, 120_000);
}

const ended = async ({ ended }: Running) => ({ code: (await ended).code, left: ours() });

test("Ctrl-C during the start is a clean end: while Kafka's folder is formatted, and while Kafka comes up", async () => {
  for (const begun of [join(kafka, "server.properties.new"), join(kafka, "broker.json")]) {
    const starting = up();
    await until(begun, () => existsSync(begun));
    starting.child.kill("SIGINT");
    expect(await ended(starting)).toEqual({ code: 0, left: [] });
    expect((await starting.ended).stderr).not.toMatch(/[A-Z]+_[A-Z]+:/);
  }
}, 120_000);

test("who does not wait for the end of a start leaves nothing either", async () => {
  rmSync(join(kafka, "broker.json"), { force: true }); // a record of the start before may be there: its process is gone
  const starting = up();
  await until("Kafka comes up", () => existsSync(join(kafka, "broker.json")));
  starting.child.kill("SIGHUP"); // of two, the one that comes first
  // the second wish: it ends at once, unless a Java that has hardly begun has ended before
  starting.child.kill("SIGINT");
  expect([0, 130]).toContain((await starting.ended).code);
  await until("Kafka has ended", () => ours().length === 0, 30_000);
}, 120_000);

test("the broker and services that are killed or asked to stop from outside come back, and the flow goes on", async () => {
  const running = up();
  await flows();
  const before = broker();
  process.kill(before.pid, "SIGKILL");
  await until("a new broker", () => existsSync(join(kafka, "broker.json")) && broker().pid !== before.pid, 90_000);
  expect(broker().port).toBe(before.port);
  for (const service of ["ingest", "replay"]) {
    const pid = pidOf(service)!;
    process.kill(pid, "SIGTERM");
    await until(`${service} is back`, () => ![undefined, pid].includes(pidOf(service)), 60_000);
  }
  await flows(await rows());

  // kill -9, with a trainer that hangs: it cannot hear that its parent is gone.
  process.kill(pidOf("trainer")!, "SIGSTOP");
  const hung = pidOf("trainer")!;
  running.child.kill("SIGKILL");
  expect((await running.ended).stderr).toMatch(/^! Kafka .*starting it again/m);
  await until("the others have drained", () => ours().length <= 2, 30_000);
  expect(ours().map(({ pid }) => pid)).toContain(hung);
}, 240_000);

test("the next `up` ends what was left, takes the broker over, and ends it with its terminal", async () => {
  const { pid } = broker();
  const running = up();
  await flows();
  expect(broker().pid).toBe(pid);
  running.child.kill("SIGHUP");
  expect(await ended(running)).toEqual({ code: 0, left: [] });
}, 120_000);

test("when nobody reads what it says any more, it drains", async () => {
  const running = up();
  await until("a broker", () => existsSync(join(kafka, "broker.json")));
  running.child.stdout!.destroy();
  running.child.stderr!.destroy();
  await once(running.child, "exit");
  expect(running.child.exitCode).toBe(0);
  expect(ours()).toEqual([]);
}, 120_000);

test("a file that brings nothing is told with its reason, and ends --once", async () => {
  const file = join(folder, "nothing.csv");
  writeFileSync(file, "user,item,timestamp\n,,\n,,\n");
  const { code, stderr } = await up("--once", "--events", file, "--data-dir", join(folder, "empty")).ended;
  expect(code).toBe(1);
  expect(stderr.trimEnd().split("\n")).toContainEqual(expect.stringMatching(/^[A-Z]+_[A-Z_]+: .*(nothing|no |0 )/));
  expect(ours()).toEqual([]);
}, 120_000);

test("a set-up that is interrupted ends what it has started", async () => {
  const at = (name: string) => new URL(`../../infra/setup/${name}`, import.meta.url).href;
  const script = `import { execute } from "${at("execute.mjs")}";
import { endWhenInterrupted } from "${at("interrupt.mjs")}";
    endWhenInterrupted(); execute("sh", ["-c", "sleep 30; : ${folder}"]); console.log("begun");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
  });
  await once(child.stdout, "data");
  await until("its program runs", () => ours().length > 0);
  child.kill("SIGINT");
  const [code] = await once(child, "exit");
  expect(code).toBe(130);
  await until("nothing is left", () => ours().length === 0, 5_000);
}, 30_000);
