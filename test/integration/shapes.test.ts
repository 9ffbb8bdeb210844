// Events in other shapes through the real Kafka: previewed before anything is written, read by a map, left out or
// refused with their path, followed by serve with the same map.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import avro from "avsc";
import kafkajs from "kafkajs";
import protobuf from "protobufjs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prove } from "../../services/commands/table/proof.ts";
import { eventsOf } from "../../shared/events/batch.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { openDeadLetters, readDeadLetters } from "../../shared/table/dead-letters.ts";
import { openEvents, readEvents } from "../../shared/table/events.ts";
import { useBroker } from "./broker-folder.ts";
import { start as startProcess, until } from "./processes.ts";
import { startService } from "./published.ts";

const broker = useBroker("shapes");
const { folder } = broker;
const tributary = (dataDir: string, ...args: string[]) =>
  startProcess([...args, "--data-dir", join(folder, dataDir)], broker.env).ended;

let client: kafkajs.Kafka;
let producer: kafkajs.Producer;
beforeAll(async () => {
  client = new kafkajs.Kafka({ brokers: [broker.env.KAFKA_BROKERS], logLevel: kafkajs.logLevel.NOTHING });
  producer = client.producer();
  await producer.connect();
});
afterAll(async () => {
  await producer.disconnect();
});

/** `user item` of each row, `REASON detail` of each dead letter, and what verify says. */
async function held(dataDir: string) {
  const { table, deadLetters } = pathsOf(join(folder, dataDir));
  const events = await openEvents(table);
  const rows = (await Promise.all(events.files.map((file) => readEvents(events.store, file)))).flatMap(eventsOf);
  const dead = await openDeadLetters(deadLetters);
  const letters = (await Promise.all(dead.files.map((file) => readDeadLetters(dead.store, file)))).flat();
  return {
    rows: rows.map(({ user, item, value }) => `${user} ${item} ${value}`).sort(),
    letters: letters.map(({ reason, detail }) => `${reason} ${detail}`).sort(),
    proof: await prove(table, deadLetters),
  };
}

const map = "user=$headers['x-user'],item=$.lines[*].sku,value=$.lines[*].n,timestamp=$.at";
const where = "$.type == 'buy' && $key != 'test'";
const order = (user: string, key: string, value: object | null) => ({
  key,
  headers: { "x-user": user },
  value: value && JSON.stringify(value),
});

test("a preview writes and creates nothing; ingest makes the same of the messages, serve follows by the same map", async () => {
  expect(await tributary(".", "events", "preview", "--topic", "orders", "--map", map)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("TOPIC_MISSING"),
  });
  await broker.kafka.ensureTopic("orders", 1);
  const lines = [
    { sku: "a", n: 1 },
    { sku: "b", n: 2 },
  ];
  await producer.send({
    topic: "orders",
    messages: [
      order("ann", "k", { type: "buy", lines, at: 1_700_000_000 }),
      order("bea", "k", { type: "view", lines }),
      order("bea", "test", { type: "buy", lines }),
      order("cem", "k", { type: "buy", lines: [...lines, { n: 3 }] }),
    ],
  });
  const flags = ["--topic", "orders", "--map", map, "--where", where];
  const preview = await tributary(".", "events", "preview", ...flags);
  expect(preview).toMatchObject({ code: 0 });
  expect(preview.stdout).toContain("user ann  item b  2023-11-14T22:13:20.000Z  value 2");
  expect(preview.stdout).toContain("orders/0/3  refused, ITEM_MISSING: no item: nothing at $.lines[2].sku");
  expect(preview.stdout).toContain("4 messages: 1 make 2 rows, 2 left out, 1 refused. Nothing was written.");
  const json = await tributary(".", "events", "preview", "--json", "--messages", "2", ...flags);
  expect(
    json.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toMatchObject([
    { offset: 2, type: "left-out" },
    { offset: 3, type: "refused", reason: "ITEM_MISSING" },
  ]);
  expect((await openEvents(pathsOf(join(folder, ".")).table)).version).toBe(-1);

  expect(await tributary(".", "ingest", "--until-end", ...flags)).toMatchObject({ code: 0 });
  const { rows, letters, proof } = await held(".");
  expect(rows).toEqual(["ann a 1", "ann b 2"]);
  expect(letters).toEqual(["ITEM_MISSING no item: nothing at $.lines[2].sku"]);
  expect(proof).toMatchObject({ ok: true, partitions: [{ rows: 2, messages: 1, dead: 1, leftOut: 2, read: 4 }] });

  const serve = await startService("serve", folder, ["--topic", "orders"]);
  const following = async () => (await serve.status()).following;
  await until("the topic is followed", async () => (await following()).state === "following");
  await producer.send({
    topic: "orders",
    messages: [order("dot", "k", { type: "buy", lines }), order("dot", "k", { type: "view" })],
  });
  await until("it has read them", async () => (await following()).taken === 2);
  expect(await following()).toMatchObject({ filtered: 1, refused: 0, held: 2 });
  expect(await tributary(".", "ingest", "--until-end", ...flags)).toMatchObject({ code: 0 });
  await until("the table has them", async () => (await following()).held === 0);
  await serve.process.stop();

  const other = await tributary(".", "ingest", "--until-end", "--topic", "orders", "--map", "user=$key,item='x'");
  expect(other).toMatchObject({ code: 0, stderr: expect.stringMatching(/map of orders is another one.*before/) });
  const wrong = await tributary(".", "ingest", "--topic", "orders", "--map", "user=$.a,item=$..b");
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringMatching(/MAP_MALFORMED: --map .*position 16/) });
}, 120_000);

/** A schema registry of our own: what it answers by path, for who knows the password; `state` says how it is. */
async function openRegistry(answers: Readonly<Record<string, object>>) {
  const state = { isAway: false, asked: 0 };
  const server = createServer((request, response) => {
    state.asked++;
    const answer = (status: number, body: object) => response.writeHead(status).end(JSON.stringify(body));
    if (state.isAway) return answer(503, {});
    const known = `Basic ${Buffer.from("reader:secret").toString("base64")}`;
    if (request.headers.authorization !== known) return answer(401, { error_code: 401 });
    const found = answers[request.url ?? ""];
    return found ? answer(200, found) : answer(404, { error_code: 40403 });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, state, close: () => new Promise((resolve) => server.close(resolve)) };
}

/** As the registry's clients write it. */
function framed(id: number, bytes: Uint8Array) {
  const frame = Buffer.alloc(5);
  frame.writeInt32BE(id, 1);
  return { key: "k", value: Buffer.concat([frame, bytes]) };
}

test("Avro by a schema registry: evolved schemas side by side, an unknown id is a dead letter, a registry that is away is waited for", async () => {
  const fields = [
    { name: "user", type: "long" },
    { name: "item", type: "string" },
  ];
  const older = { type: "record", name: "Event", fields };
  const newer = { type: "record", name: "Event", fields: [{ name: "value", type: "double" }, ...fields] };
  const answers: Record<string, object> = {
    "/schemas/ids/1": { schema: JSON.stringify(older) },
    "/schemas/ids/2": { schema: JSON.stringify(newer) },
  };
  const registry = await openRegistry(answers);
  const coded = (id: number, schema: object, value: unknown) =>
    framed(id, avro.Type.forSchema(schema as avro.Schema).toBuffer(value));
  await broker.kafka.ensureTopic("coded", 1);
  await producer.send({
    topic: "coded",
    messages: [
      coded(1, older, { user: 1, item: "a" }),
      coded(2, newer, { user: 2, item: "b", value: 4.5 }),
      coded(9, older, { user: 3, item: "c" }),
      { key: "k", value: '{"user":4,"item":"d"}' },
    ],
  });
  const flags = ["--topic", "coded", "--schema-registry", registry.url];
  const run = (auth: string, ...args: string[]) =>
    startProcess([...args, ...flags, "--data-dir", join(folder, "coded")], {
      ...broker.env,
      SCHEMA_REGISTRY_AUTH: auth,
    });
  const refused = await run("reader:wrong", "ingest", "--until-end").ended;
  expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining("REGISTRY_REFUSED") });
  expect(refused.stderr).not.toContain("wrong");
  const preview = await run("reader:secret", "events", "preview").ended;
  expect(preview.stdout).toContain("4 messages: 2 make 2 rows, 0 left out, 2 refused. Nothing was written.");

  registry.state.isAway = true;
  const ingest = run("reader:secret", "ingest", "--until-end");
  const before = registry.state.asked;
  await until("it asks again", () => registry.state.asked > before + 2);
  expect((await openEvents(pathsOf(join(folder, "coded")).table)).offsets.size).toBe(0);
  registry.state.isAway = false;
  expect(await ingest.ended).toMatchObject({ code: 0, stderr: expect.stringContaining("nothing is skipped") });
  const { rows, letters, proof } = await held("coded");
  expect(rows).toEqual(["1 a null", "2 b 4.5"]);
  expect(letters).toEqual([
    "NOT_FRAMED the value does not begin with a schema's id, as the schema registry's clients write it",
    "SCHEMA_UNKNOWN the schema registry knows no schema 9",
  ]);
  expect(proof).toMatchObject({ ok: true, partitions: [{ rows: 2, dead: 2, read: 4 }] });

  const forget = (user: string) =>
    startProcess(["forget", "--user", user, "--data-dir", join(folder, "coded")], {
      SCHEMA_REGISTRY_AUTH: "reader:secret",
    }).ended;
  const unknown = await forget("3");
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining("1 of coded (SCHEMA_UNKNOWN)") });
  answers["/schemas/ids/9"] = { schema: JSON.stringify(older) };
  expect(await forget("3")).toMatchObject({ code: 0, stdout: expect.stringContaining("1 dead letters of 1 files") });
  await registry.close();
}, 120_000);

test("Protobuf and JSON Schema by a schema registry, in one topic by one map: what one imports, nested messages, evolved fields", async () => {
  const line = 'syntax = "proto3"; package shop; message Line { string sku = 1; double n = 2; }';
  const order = `syntax = "proto3"; package shop; import "line.proto";
    message Order { string user = 1; repeated Line lines = 2; int64 at = 3; message Return { string user = 1; } }`;
  const evolved = order.replace("int64 at = 3;", "int64 at = 3; string campaign = 4;");
  const references = [{ name: "line.proto", subject: "line", version: 1 }];
  const properties = { user: { type: "string" }, lines: { type: "array" }, at: { type: "integer" } };
  const registry = await openRegistry({
    "/schemas/ids/11": { schemaType: "PROTOBUF", schema: order, references },
    "/schemas/ids/12": { schemaType: "PROTOBUF", schema: evolved, references },
    "/schemas/ids/13": { schemaType: "JSON", schema: JSON.stringify({ type: "object", properties }) },
    "/subjects/line/versions/1": { schemaType: "PROTOBUF", schema: line },
  });
  const root = new protobuf.Root();
  for (const text of [line, evolved]) protobuf.parse(text, root, { keepCase: true });
  const proto = (id: number, indexes: readonly number[], type: string, value: object) =>
    framed(id, Buffer.concat([Buffer.from(indexes), root.lookupType(type).encode(value).finish()]));
  const lines = [
    { sku: "a", n: 1 },
    { sku: "b", n: 2 },
  ];
  const at = 1_700_000_000;
  await broker.kafka.ensureTopic("registered", 1);
  await producer.send({
    topic: "registered",
    messages: [
      proto(11, [0], "shop.Order", { user: "ann", lines, at }),
      proto(12, [0], "shop.Order", { user: "bea", lines: lines.slice(1), at, campaign: "spring" }),
      proto(12, [4, 0, 0], "shop.Order.Return", { user: "cem" }), // the first message's first: two levels
      framed(13, Buffer.from(JSON.stringify({ user: "dot", lines, at }))),
      framed(13, Buffer.from("{")),
      framed(11, Buffer.from([0, 10, 200])), // says more bytes than it has
    ],
  });
  const flags = ["--topic", "registered", "--schema-registry", registry.url];
  const mapped = ["--map", "user=$.user,item=$.lines[*].sku,value=$.lines[*].n,timestamp=$.at"];
  const env = { ...broker.env, SCHEMA_REGISTRY_AUTH: "reader:secret" };
  const args = ["ingest", "--until-end", ...flags, ...mapped, "--data-dir", join(folder, "registered")];
  expect(await startProcess(args, env).ended).toMatchObject({ code: 0 });
  const { rows, letters, proof } = await held("registered");
  expect(rows).toEqual(["ann a 1", "ann b 2", "bea b 2", "dot a 1", "dot b 2"]);
  expect(letters).toEqual([
    expect.stringMatching(/^LIST_MISSING .*\$\.lines/),
    expect.stringMatching(/^SCHEMA_MISFIT the value does not fit schema 11: /),
    "SCHEMA_MISFIT the value does not fit schema 13: it is no JSON",
  ]);
  expect(proof).toMatchObject({ ok: true, partitions: [{ rows: 5, messages: 3, dead: 3, read: 6 }] });
  await registry.close();
}, 60_000);
