// Each codec, both ways: what Java's producer packs, and what Java's consumer reads of ours.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { codecs } from "../../../shared/kafka/codecs.ts";
import { start } from "../processes.ts";
import { login, open, propertiesFile, secured, trusting } from "./secured.ts";

export function bothWays(): void {
  const names = Object.keys(codecs);

  test("what Java's producer packs is read, through a login", async () => {
    const event = (user: string) => `${JSON.stringify({ user, item: "i1", timestamp: 1_700_000_000_000 })}\n`;
    const to = ["--bootstrap-server", secured.at.PLAIN, "--topic", "packed"];
    await (await open("PLAIN", {})).ensureTopic("packed", 1);
    for (const name of ["none", ...names])
      secured.java(
        "org.apache.kafka.tools.ConsoleProducer",
        [...to, "--compression-codec", name],
        event(name).repeat(200),
      );
    const config = propertiesFile("LOGIN", { ...login("SCRAM-SHA-256", "alice-secret"), ...trusting() });
    const flags = ["--topic", "packed", "--data-dir", join(secured.folder, "packed"), "--kafka-config", config];
    const { code, stderr } = await start(["ingest", "--until-end", ...flags], { KAFKA_BROKERS: "" }).ended;
    expect(stderr).toMatch(/"written":1000,"dead":0/);
    expect(code).toBe(0);
  }, 120_000);

  test("what replay packs, Java's consumer reads", async () => {
    const folder = join(secured.folder, "packing");
    mkdirSync(folder);
    const file = join(folder, "events.csv");
    writeFileSync(file, `user,item,timestamp\n${"u1,i1,1700000000000\n".repeat(3000)}`);
    const flags = ["--topic", "repacked", "--data-dir", folder];
    const env = { KAFKA_BOOTSTRAP_SERVERS: secured.at.PLAIN, KAFKA_BROKERS: "" };
    for (const name of names) {
      writeFileSync(file, `user,item,timestamp\n${`${name},i1,1700000000000\n`.repeat(3000)}`);
      const { code, stderr } = await start(["replay", file, "--compression", name, ...flags], env).ended;
      expect([code, stderr]).toEqual([0, expect.stringMatching(/"produced":3000/)]);
    }
    const count = String(3000 * names.length);
    const read = secured.java("org.apache.kafka.tools.consumer.ConsoleConsumer", [
      ...["--bootstrap-server", secured.at.PLAIN, "--topic", "repacked", "--from-beginning", "--max-messages", count],
      ...["--timeout-ms", "20000"],
    ]);
    const lines = read.trimEnd().split("\n");
    for (const name of names) expect(lines.filter((line) => JSON.parse(line).user === name)).toHaveLength(3000);
  }, 120_000);
}
