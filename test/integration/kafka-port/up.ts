// Everything on a topic that others fill, in their shape, on their Kafka: until a model is published and serve answers.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { discover } from "../../../shared/http/registry.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { start, until } from "../processes.ts";
import { login, open, propertiesFile, secured, trusting } from "./door.ts";

/** Debezium's change of a row: user u likes what u's kind likes. */
function change(k: number) {
  const user = k % 300;
  const liked = 25 * (user % 4) + ((Math.imul(k + 1, 2654435761) >>> 9) % 25);
  const after = { user_id: user, sku: `s${liked}`, stars: k % 5 };
  return { key: `${user}`, value: JSON.stringify({ schema: {}, payload: { op: "c", after, source: {} } }) };
}

export function runsEverything(): void {
  test("up --topic --map --where --kafka-config publishes a model and serve answers by it; no secret stands in a log", async () => {
    const pairs = { ...login("SCRAM-SHA-512", "alice-secret"), ...trusting(), "compression.type": "zstd" };
    const kafka = await open("LOGIN", pairs);
    await kafka.ensureTopic("changes", 4);
    await kafka.produce(
      "changes",
      Array.from({ length: 4000 }, (_, k) => change(k)),
    );
    const dataDir = join(secured.folder, "up");
    const { run, logs } = pathsOf(dataDir);
    const map = ["--map", "debezium,user=$.user_id,item=$.sku,value=$.stars", "--where", "$.stars > 0"];
    const flags = ["--topic", "changes", ...map, "--kafka-config", propertiesFile("LOGIN", pairs)];
    const small = { TRIBUTARY_HIDDEN: "16", TRIBUTARY_LATENT: "8", KAFKA_BROKERS: "" };
    const up = start(["up", "--data-dir", dataDir, "--port", "0", "--trainers", "1", ...flags], small);
    const answer = async () => {
      const serve = discover(run).find(({ service }) => service === "serve");
      if (!serve) return undefined;
      const body = JSON.stringify({ user: "5", k: 3 });
      const request = { method: "POST", body, headers: { "content-type": "application/json" } };
      const response = await fetch(`${serve.url}/v1/recommend`, request).catch(() => undefined);
      return response?.ok ? ((await response.json()) as object) : undefined;
    };
    await until("serve answers by a published model", async () => (await answer()) !== undefined, 120_000);
    expect(JSON.stringify(await answer())).toMatch(/"s\d+"/);
    up.child.kill("SIGTERM");
    const { code, stdout, stderr } = await up.ended;
    expect(code).toBe(0);
    const said = readdirSync(logs).map((name) => readFileSync(join(logs, name), "utf8"));
    expect([stdout, stderr, ...said].join("\n")).not.toMatch(/alice-secret|"level":(50|60)/);
  }, 180_000);

  test("up with a wrong password ends before anything is started: ingest was started again and again", async () => {
    const config = propertiesFile("LOGIN", { ...login("PLAIN", "wr0ng"), ...trusting() });
    const dataDir = join(secured.folder, "refused");
    const { code, stderr } = await start(["up", "--data-dir", dataDir, "--port", "0", "--kafka-config", config]).ended;
    expect([code, stderr]).toEqual([3, expect.stringMatching(/^KAFKA_LOGIN_REFUSED: .*Invalid username or password/m)]);
    expect(stderr).not.toMatch(/wr0ng|services/);
  });
}
