// What changes while it runs, of what a client goes in by: each is one clear error or recovery, never a stall without a
// word, and no secret stands anywhere.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import kafkajs from "kafkajs";
import { expect, test } from "vitest";
import { discover } from "../../../shared/http/registry.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { type Running, start, until } from "../processes.ts";
import { read } from "./reading.ts";
import { bearer, login, open, propertiesFile, secured, token, trusting } from "./secured.ts";

/** On a machine that has other work a process takes long to begin. */
const SLOW_MS = 240_000;

/** Gives them, and answers what takes them away again. */
async function rights(user: string, on: readonly (readonly [type: "TOPIC" | "GROUP", name: string, what: string])[]) {
  const admin = new kafkajs.Kafka({ brokers: [secured.at.PLAIN], logLevel: kafkajs.logLevel.NOTHING }).admin();
  const acl = on.map(([type, name, what]) => ({
    principal: `User:${user}`,
    host: "*",
    permissionType: kafkajs.AclPermissionTypes.ALLOW,
    resourceType: kafkajs.AclResourceTypes[type],
    resourceName: name,
    resourcePatternType: kafkajs.ResourcePatternTypes[type === "GROUP" ? "PREFIXED" : "LITERAL"],
    operation: kafkajs.AclOperationTypes[what as "READ"],
  }));
  await admin.connect();
  await admin.createAcls({ acl });
  return async () => {
    await admin.deleteAcls({ filters: acl });
    await admin.disconnect();
  };
}

const quiet = { TRIBUTARY_LOG_LEVEL: "trace", KAFKA_BROKERS: "" };
/** Whatever others can see of a process: its command line, and what it says of itself. */
async function seenOf({ child }: Running, dataDir: string): Promise<string> {
  const found = discover(pathsOf(dataDir).run).find(({ pid }) => pid === child.pid);
  const asked = ["status", "metrics"].map(async (page) => (await fetch(`${found!.url}/${page}`)).text());
  return [readFileSync(`/proc/${child.pid}/cmdline`, "utf8"), ...(await Promise.all(asked))].join("\n");
}
const hasBegun = ({ child }: Running, dataDir: string) =>
  discover(pathsOf(dataDir).run).some(({ pid }) => pid === child.pid);

export function heedsChanges(): void {
  test(
    "a token that expires is renewed, and nothing is missed; where no new one comes it is refused",
    async () => {
      const [file, calls] = ["token", "calls"].map((name) => join(secured.folder, name)) as [string, string];
      const renew = () => writeFileSync(file, token("alice", 20));
      renew();
      const renewing = setInterval(renew, 1000);
      const command = `echo . >> ${calls}; cat ${file}`;
      const kafka = await open("BRIEF", { ...bearer, ...trusting(), "sasl.oauthbearer.token.command": command });
      await kafka.ensureTopic("renewed", 1);
      const reader = await read(kafka, "renewed", "renewed");
      const failed = expect(reader.consumption.failed).rejects.toThrowError(/^KAFKA_LOGIN_REFUSED: .*failed \(1\)/);
      const asked = () => readFileSync(calls, "utf8").split("\n").length;
      const first = asked();
      let sent = 0;
      const send = async () => kafka.produce("renewed", [{ key: "k", value: String(sent++) }]);
      // a session lasts 8 s: all of the first have ended
      for (const end = Date.now() + 10_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 200)))
        await send();
      await until("all is read", () => reader.values.length >= sent);
      expect(reader.values).toEqual(Array.from({ length: sent }, (_, k) => String(k)));
      expect(asked()).toBeGreaterThan(first);
      clearInterval(renewing);
      rmSync(file);
      const sending = (async () => {
        for (;;) await send();
      })();
      await expect(sending).rejects.toThrowError(/^KAFKA_LOGIN_REFUSED: .*failed \(1\)/);
      await failed;
    },
    SLOW_MS,
  );

  test(
    "a password that is changed: who reads and who writes end with the error, serve waits; no secret stands anywhere",
    async () => {
      await rights("carol", [
        ...["READ", "WRITE", "DESCRIBE"].map((what) => ["TOPIC", "carols", what] as const),
        ["GROUP", "tributary-", "READ"],
      ]);
      await (await open("PLAIN")).ensureTopic("carols", 1);
      const dataDir = join(secured.folder, "carol");
      const config = propertiesFile("BRIEF", { ...login("SCRAM-SHA-256", "carol-secret", "carol"), ...trusting() });
      const flags = ["--topic", "carols", "--data-dir", dataDir, "--kafka-config", config];
      const [ingest, replay, serve] = [
        start(["ingest", "--flush-seconds", "1", "--no-upkeep", ...flags], quiet),
        start(["replay", "synthetic", "--history", "0", "--rate", "20", ...flags], quiet),
        start(["serve", "--http-port", "0", ...flags], quiet),
      ] as const;
      const all = [ingest, replay, serve];
      let served = "";
      serve.child.stderr!.on("data", (text) => (served += text));
      await until("all have begun", () => all.every((each) => hasBegun(each, dataDir)));
      const rows = async () => /"written":[1-9]/.test(await seenOf(ingest, dataDir));
      await until("something is in the table", rows);
      const seen = await Promise.all(all.map((each) => seenOf(each, dataDir)));
      secured.setPassword("carol", "an0ther");
      const ends = await Promise.all([ingest.ended, replay.ended]);
      for (const { code, stderr } of ends) {
        expect(stderr).toMatch(/^KAFKA_LOGIN_REFUSED: .*invalid credentials/m);
        expect(code).toBe(3);
      }
      await until("serve says why it waits", () => /is not followed: Kafka refuses the login/.test(served));
      seen.push(await seenOf(serve, dataDir));
      serve.child.kill("SIGTERM");
      const { code, stdout, stderr } = await serve.ended;
      expect(code).toBe(0);
      const said = [...seen, ...ends.map((each) => each.stderr), ...ends.map((each) => each.stdout), stdout, stderr];
      for (const text of said) expect(text).not.toMatch(/carol-secret|an0ther|\n\s+at /);
    },
    SLOW_MS,
  );

  test(
    "no right to read, though there is one to see; then it is given, and taken away: the error, and no secret",
    async () => {
      await (await open("PLAIN")).ensureTopic("seen", 1);
      await rights("bob", [
        ["TOPIC", "seen", "DESCRIBE"],
        ["GROUP", "tributary-", "READ"],
      ]);
      const pairs = { ...login("PLAIN", "bob-secret", "bob"), ...trusting() };
      const dataDir = join(secured.folder, "bob");
      const flags = ["--topic", "seen", "--data-dir", dataDir, "--kafka-config", propertiesFile("LOGIN", pairs)];
      const refused = async ({ ended }: Running) => {
        const { code, stderr } = await ended;
        expect(stderr.trimEnd().split("\n").at(-1)).toMatch(/^KAFKA_FORBIDDEN: .*read the topic/);
        expect(code).toBe(3);
        expect(stderr).not.toMatch(/bob-secret|\n\s+at /);
      };
      await refused(start(["ingest", ...flags], quiet));

      const withdraw = await rights("bob", [
        ["TOPIC", "seen", "READ"],
        ["TOPIC", "seen", "WRITE"],
      ]);
      const bob = await open("LOGIN", pairs);
      await bob.produce("seen", [{ key: "k", value: '{"user":"u","item":"i"}' }]);
      const ingest = start(["ingest", "--flush-seconds", "0.2", ...flags], quiet);
      await until(
        "it reads",
        async () => hasBegun(ingest, dataDir) && /"written":1/.test(await seenOf(ingest, dataDir)),
      );
      await withdraw();
      await refused(ingest);
      await expect(bob.produce("seen", [{ key: "k", value: "v" }])).rejects.toThrowError(
        /^KAFKA_FORBIDDEN: .*write into/,
      );
    },
    SLOW_MS,
  );
}
