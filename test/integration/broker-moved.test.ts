// A replay and an ingest that were started by hand follow their local broker to another port, while a stranger answers
// at the old one.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { freePort } from "../../shared/http/port.ts";
import { discover } from "../../shared/http/registry.ts";
import { startBroker, stopBroker } from "../../shared/kafka/broker.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { killAll, start, until } from "./processes.ts";
import { type StatusOf, silent, statusAt } from "./said.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-moved-"));
afterAll(async () => {
  killAll();
  await stopBroker(folder);
  rmSync(folder, { recursive: true, force: true });
});

async function statusOf<S extends "replay" | "ingest">(service: S): Promise<StatusOf<S> | undefined> {
  const found = discover(pathsOf(folder).run).find((each) => each.service === service);
  return found && (await statusAt(service, found.url).catch(silent));
}
const produced = async () => (await statusOf("replay"))?.produced ?? 0;
const read = async () => (await statusOf("ingest"))?.read ?? 0;

test("the local broker is followed to another port", async () => {
  const port = await freePort();
  await startBroker(folder, { port });
  const flags = ["--data-dir", folder];
  start(["replay", "synthetic", "--history", "0", "--rate", "50", ...flags], { KAFKA_BROKERS: "" });
  start(["ingest", "--flush-seconds", "1", ...flags], { KAFKA_BROKERS: "" });
  await until("something is read", async () => (await read()) > 0);
  await stopBroker(folder);
  const stranger = createServer((socket) => socket.on("error", () => undefined).end()).listen(port, "127.0.0.1");
  expect((await startBroker(folder)).brokers).not.toBe(`127.0.0.1:${port}`);
  const before = [await produced(), await read()];
  await until("more is sent", async () => (await produced()) > before[0]! + 50);
  await until("more is read", async () => (await read()) > before[1]! + 50);
  stranger.close();
}, 180_000);
