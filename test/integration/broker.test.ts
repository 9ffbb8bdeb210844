// A real local Kafka: started, asked, killed, stopped, started again with what it held, and followed to another port.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Kafka, logLevel } from "kafkajs";
import { afterAll, expect, test } from "vitest";
import { freePort } from "../../shared/http/port.ts";
import { discover } from "../../shared/http/registry.ts";
import { brokerStatus, resolveBrokers, startBroker, stopBroker, stopLeftBroker } from "../../shared/kafka/broker.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { killAll, start, until } from "./processes.ts";
import { type StatusOf, silent, statusAt } from "./said.ts";

const dataDir = mkdtempSync(join(tmpdir(), "tributary-broker-"));
const bin = fileURLToPath(new URL("../../infra/tributary.mjs", import.meta.url));
const broker = (...args: string[]) => {
  const { KAFKA_BROKERS: _, ...env } = process.env;
  return spawnSync(process.execPath, [bin, "broker", ...args, "--data-dir", dataDir], { encoding: "utf8", env });
};
const pidOf = () => (JSON.parse(readFileSync(join(dataDir, "kafka", "broker.json"), "utf8")) as { pid: number }).pid;

afterAll(async () => {
  killAll();
  await stopBroker(dataDir);
  rmSync(dataDir, { recursive: true, force: true });
});

test("a broker that does not run is said to be unreachable, and stopping it is no error", async () => {
  await expect(resolveBrokers(dataDir, {})).rejects.toMatchObject({ code: "BROKER_UNREACHABLE" });
  await expect(resolveBrokers(dataDir, { KAFKA_BROKERS: "elsewhere:9092" })).resolves.toBe("elsewhere:9092");
  expect(broker("stop")).toMatchObject({ status: 0, stdout: "" });
});

test("a port that somebody else holds is named, with exit code 3, and nothing is left running", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as { port: number };
  const { status, stderr } = broker("start", "--port", String(port));
  other.close();
  expect(status).toBe(3);
  expect(stderr).toMatch(new RegExp(`^PORT_IN_USE: .*${port}`, "m"));
  expect(await brokerStatus(dataDir)).toMatchObject({ running: false });
});

test("a missing Java is told with what to install, with exit code 3", () => {
  const { status, stderr } = spawnSync(process.execPath, [bin, "broker", "start", "--data-dir", dataDir], {
    encoding: "utf8",
    env: { ...process.env, JAVA_HOME: join(dataDir, "no-java") },
  });
  expect(status).toBe(3);
  expect(stderr).toMatch(/JAVA_MISSING: .*install a Java 17/);
});

test("start, kill, stop and start again: the broker keeps what it was given", async () => {
  const port = await freePort();
  const first = broker("start", "--json", "--port", String(port));
  expect(first.stderr).toContain(`Kafka answers at 127.0.0.1:${port}`);
  expect(JSON.parse(first.stdout)).toEqual({ running: true, brokers: `127.0.0.1:${port}`, version: "4.1.0" });
  await expect(startBroker(dataDir)).resolves.toMatchObject({ brokers: `127.0.0.1:${port}`, started: false });
  expect(broker("start", "--port", String(await freePort())).stderr).toContain("ALREADY_RUNNING");
  const link = `${dataDir}-link`;
  symlinkSync(dataDir, link);
  await expect(startBroker(link)).resolves.toMatchObject({ brokers: `127.0.0.1:${port}`, started: false });
  rmSync(link);

  await client(`127.0.0.1:${port}`, async (kafka) => {
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: "kept", numPartitions: 1 }] });
    await admin.disconnect();
    const producer = kafka.producer({ idempotent: true });
    await producer.connect();
    await producer.send({ topic: "kept", messages: [{ value: "one" }, { value: "two" }] });
    await producer.disconnect();
  });

  process.kill(pidOf(), "SIGKILL");
  writeFileSync(join(dataDir, "kafka", "starting"), "999999999"); // as a starter that was killed too leaves it
  const again = await startBroker(dataDir, { port });
  expect(again).toMatchObject({ started: true, brokers: `127.0.0.1:${port}` });
  const offsets = await client(again.brokers, async (kafka) => {
    const admin = kafka.admin();
    await admin.connect();
    const found = await admin.fetchTopicOffsets("kept");
    await admin.disconnect();
    return found;
  });
  expect(offsets).toMatchObject([{ partition: 0, high: "2" }]);
  await stopLeftBroker(dataDir);
  expect(await brokerStatus(dataDir)).toMatchObject({ running: true }); // nobody's but who started it

  expect(broker("stop").stderr).toContain("Kafka stopped");
  expect(await brokerStatus(dataDir)).toMatchObject({ running: false, brokers: null });
  expect(existsSync(join(dataDir, "kafka", "broker.json"))).toBe(false);
  expect(existsSync(join(dataDir, "kafka", "starting"))).toBe(false);
});

async function statusOf<S extends "replay" | "ingest">(service: S): Promise<StatusOf<S> | undefined> {
  const found = discover(pathsOf(dataDir).run).find((each) => each.service === service);
  return found && (await statusAt(service, found.url).catch(silent));
}
const produced = async () => (await statusOf("replay"))?.produced ?? 0;
const read = async () => (await statusOf("ingest"))?.read ?? 0;

test("a replay and an ingest that were started by hand follow it to another port, while a stranger answers at the old one", async () => {
  const port = await freePort();
  await startBroker(dataDir, { port });
  const flags = ["--data-dir", dataDir];
  const env = { KAFKA_BROKERS: "" };
  const running = [
    start(["replay", "synthetic", "--history", "0", "--rate", "50", ...flags], env),
    start(["ingest", "--flush-seconds", "1", ...flags], env),
  ];
  await until("something is read", async () => (await read()) > 0);
  await stopBroker(dataDir);
  const stranger = createServer((socket) => socket.on("error", () => undefined).end()).listen(port, "127.0.0.1");
  expect((await startBroker(dataDir)).brokers).not.toBe(`127.0.0.1:${port}`);
  const before = [await produced(), await read()];
  await until("more is sent", async () => (await produced()) > before[0]! + 50);
  await until("more is read", async () => (await read()) > before[1]! + 50);
  stranger.close();
  for (const { child, ended } of running) {
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: 0 });
  }
  await stopBroker(dataDir);
}, 180_000);

test("what an `up` that was killed has left is ended by the next one's interrupted start", async () => {
  await startBroker(dataDir, { owner: "up" });
  await stopLeftBroker(dataDir);
  expect(await brokerStatus(dataDir)).toMatchObject({ running: false });
});

test("a record whose process number now belongs to somebody else does not count, and that process is left alone", async () => {
  writeFileSync(join(dataDir, "kafka", "broker.json"), JSON.stringify({ pid: process.pid, port: 9 }));
  expect(await brokerStatus(dataDir)).toMatchObject({ running: false });
  expect(await stopBroker(dataDir)).toBe("was not running");
});

async function client<T>(brokers: string, body: (kafka: Kafka) => Promise<T>): Promise<T> {
  return body(new Kafka({ brokers: [brokers], clientId: "test", logLevel: logLevel.NOTHING }));
}
