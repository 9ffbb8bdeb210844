// The local broker's deciding parts: its settings, its version, what its log and its Java say.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  jarsOf,
  javaMajor,
  KAFKA_VERSION,
  lastError,
  lastWords,
  settingsText,
} from "../../shared/kafka/broker-files.ts";

test("the Kafka that is started is the one that the set-up fetches", () => {
  const pom = readFileSync(new URL("../../infra/kafka/pom.xml", import.meta.url), "utf8");
  expect(pom).toContain(`<kafka.version>${KAFKA_VERSION}</kafka.version>`);
});

test("the set-up and the broker look for Kafka in the same cache folder", async () => {
  const { cacheFolder } = (await import(new URL("../../infra/setup/cache.mjs", import.meta.url).href)) as {
    cacheFolder: string;
  };
  expect(jarsOf(process.env)).toBe(`${cacheFolder}/kafka/${KAFKA_VERSION}/libs`);
  expect(jarsOf({ XDG_CACHE_HOME: "/elsewhere" })).toBe(`/elsewhere/tributary/kafka/${KAFKA_VERSION}/libs`);
});

test("the broker listens on this machine alone, keeps everything and creates no topic by accident", () => {
  const lines = settingsText("data", 9092, 9093).trimEnd().split("\n");
  const listeners = lines.filter((line) => /^(advertised\.)?listeners=|voters=/.test(line)).join(",");
  expect(listeners.match(/[\w.]+:\d+/g)?.every((address) => address.startsWith("127.0.0.1:"))).toBe(true);
  expect(lines).toEqual(
    expect.arrayContaining([
      "log.retention.ms=-1",
      "log.retention.bytes=-1",
      "auto.create.topics.enable=false",
      "num.partitions=4",
    ]),
  );
});

test("the Java version is read from old and new forms, and none from another text", () => {
  expect(javaMajor('openjdk version "17.0.15" 2025-04-15')).toBe(17);
  expect(javaMajor('java version "1.8.0_292"')).toBe(8);
  expect(javaMajor("not found")).toBeUndefined();
});

test("of a broker that ended its last error is told, or else its last line", () => {
  expect(lastWords("WARN a\nERROR the lock is held\nINFO shut down\n")).toBe("ERROR the lock is held");
  expect(lastWords("one\ntwo\n")).toBe("two");
  expect(lastWords("")).toBe("");
});

test("an error of minutes ago is not what a broker died of", () => {
  const now = new Date(2026, 10, 27, 12, 5, 0).getTime();
  const old = "2026-11-27 12:01:00.100 [main] ERROR a disconnect\n";
  expect(lastError(`${old}2026-11-27 12:04:59.000 [main] WARN nothing\n`, now)).toBeUndefined();
  const last = "2026-11-27 12:04:58.000 [main] ERROR the disk is full";
  expect(lastError(`${old}${last}\njava.io.IOException: x\n`, now)).toBe(last);
  expect(lastError("# A fatal error: FATAL\n", now)).toBe("# A fatal error: FATAL");
});
