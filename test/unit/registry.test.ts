// Who is there and who only seems to be: processes that were written down, by number, start and place.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { discover, register } from "../../shared/http/registry.ts";
import { type Identity, isAlive, isSameProcess, ownIdentity, proofOf, startOf } from "../../shared/runtime/identity.ts";

const onLinux = test.skipIf(process.platform !== "linux");
const { pid } = process;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-registry-"));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

const put = (name: string, content: object | string) =>
  writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
const registration = (more: object) => ({
  service: "up",
  url: "",
  startedAt: Date.now(),
  host: hostname(),
  ...ownIdentity(),
  ...more,
});

onLinux("a process is proven by its number, its start and where its number holds", () => {
  const own = ownIdentity();
  expect(proofOf(own)).toBe("lives");
  expect(isSameProcess(pid, startOf(pid)!)).toBe(true);
  expect(proofOf({ ...own, started: "1" })).toBe("gone");
  expect(isSameProcess(pid, "1")).toBe(false);
  expect(proofOf({ ...own, pid: 2 ** 22 + 1 })).toBe("gone");
  expect(proofOf({ ...own, place: "elsewhere" })).toBe("unknown");
  expect(proofOf({ pid, started: "", place: "" })).toBe("unknown");
  expect([0, -1, Number.NaN].map(isAlive)).toEqual([false, false, false]);
});

onLinux("who was killed is dying or gone from that moment on, also while nobody has asked for its end", async () => {
  const child = spawn("sleep", ["60"]);
  await once(child, "spawn");
  const identity: Identity = { ...ownIdentity(), pid: child.pid!, started: startOf(child.pid!)! };
  expect(proofOf(identity)).toBe("lives");
  child.kill("SIGSTOP");
  expect(proofOf(identity)).toBe("lives");
  child.kill("SIGKILL");
  for (let proof = proofOf(identity); proof !== "gone"; proof = proofOf(identity)) expect(proof).toBe("dying");
  expect(isAlive(identity.pid)).toBe(true); // not reaped yet: this loop has not let Node
  await once(child, "exit");
});

onLinux(
  "a registration of a dead process, of a number that is somebody else's now, and a torn one go away",
  async () => {
    const child = spawn("sleep", ["60"]);
    await once(child, "spawn");
    // of an earlier version
    put("up-1.json", { service: "up", pid: child.pid, url: "", startedAt: 1, host: hostname() });
    put("ingest-2.json", registration({ started: "17" }));
    put("serve-3.json", registration({ pid: 2 ** 22 + 1 }));
    put("server-4.json", "");
    put("replay-5.json", '{"service": "replay", "pi');
    put("trainer-6.json", { service: "trainer", of: "a version to come" });
    put("evaluator-7.json", registration({ service: "evaluator" }));
    expect(discover(folder)).toMatchObject([{ service: "evaluator", pid }]);
    expect(readdirSync(folder).sort()).toEqual(["evaluator-7.json", "trainer-6.json"]);
    child.kill("SIGKILL");
  },
);

test("an entry that somebody has removed comes back, and two processes of one number do not take each other's", () => {
  vi.useFakeTimers({ toFake: ["setInterval"] });
  put(`server-${pid}.json`, { ...registration({ service: "server" }), place: "another", started: "1" });
  const leave = register(folder, "server", "http://127.0.0.1:7070");
  expect(discover(folder)).toHaveLength(2);
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  vi.advanceTimersByTime(5_000);
  expect(discover(folder)).toMatchObject([{ service: "server", pid, url: "http://127.0.0.1:7070" }]);
  leave();
  expect(readdirSync(folder)).toEqual([]);
});

test("where no entry can be written, the service goes on, and says so once", () => {
  vi.useFakeTimers({ toFake: ["setInterval"] });
  const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const file = join(folder, "a-file");
  writeFileSync(file, "");
  const leave = register(join(file, "run"), "serve", "http://127.0.0.1:8081");
  vi.advanceTimersByTime(20_000);
  leave();
  const lines = said.mock.calls.map(([line]) => String(line));
  said.mockRestore();
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("cannot be listed");
  expect(readFileSync(file, "utf8")).toBe("");
});

test("somebody of another machine, whose clock goes wrong by an hour, is seen from its second touch on", () => {
  const file = join(folder, "server-elsewhere-7.json");
  put("server-elsewhere-7.json", { ...registration({ service: "server" }), host: "elsewhere" });
  const touch = (seconds: number) =>
    utimesSync(file, Date.now() / 1000 - 3600 + seconds, Date.now() / 1000 - 3600 + seconds);
  touch(0);
  expect(discover(folder)).toEqual([]); // it may be dead for an hour
  expect(readdirSync(folder)).toHaveLength(1);
  touch(5);
  expect(discover(folder)).toMatchObject([{ service: "server", host: "elsewhere" }]);
});

test("what somebody of another machine has left is removed when nobody has touched it for long, by its clock and by ours", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const file = join(folder, "server-elsewhere-7.json");
  put("server-elsewhere-7.json", { ...registration({ service: "server" }), host: "elsewhere" });
  utimesSync(file, Date.now() / 1000 - 3600, Date.now() / 1000 - 3600);
  discover(folder);
  vi.advanceTimersByTime(31_000);
  discover(folder);
  expect(readdirSync(folder)).toEqual([]);
});
