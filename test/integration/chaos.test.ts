// Exactly once under fire: over 300,000 events of two topics, packed by zstd, over SASL_SSL into one table; ingest
// killed with -9 at drawn moments, two groups at war over the table, a second member that comes and goes, a broker
// that is killed and comes back. Then `verify`, delta-rs and DuckDB, which share no code with each other, each find
// every event once. CHAOS_EVENTS and CHAOS_SEED make it longer, or another.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LegacyRandom, legacyRandom } from "../../shared/corpus/mt19937.ts";
import { discover } from "../../shared/http/registry.ts";
import { openKafka } from "../../shared/kafka/client.ts";
import { givenKafka } from "../../shared/kafka/given.ts";
import type { Outgoing } from "../../shared/kafka/outgoing.ts";
import type { Kafka } from "../../shared/kafka/port.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { killAll, type Running, start, until } from "./processes.ts";
import { ask } from "./python.ts";
import { type StatusOf, silent, statusAt } from "./said.ts";
import { type SecuredBroker, startSecured } from "./secured-broker.ts";

const SEED = Number(process.env.CHAOS_SEED ?? 20_260_117);
const TOPICS = ["chaos-even", "chaos-odd"] as const;
const GROUP = "chaos";
/** Sent before anything is killed; the rest while it is. */
const BACKLOG = 120_000;
const AT_LEAST = Number(process.env.CHAOS_EVENTS ?? 300_000);
/** Live events a second, about. */
const PACE = 3000;
const PARTITIONS = 4;
const PLACES = TOPICS.flatMap((topic) => Array.from({ length: PARTITIONS }, (_, k) => `${topic}/${k}`));

const startedAt = performance.now();
let secured: SecuredBroker;
let folder = "";
let paths: ReturnType<typeof pathsOf>;
let config = "";
let kafka: Kafka;
/** Events sent so far, good and malformed: the next one's number. */
let sent = 0;
let kills = 0;
/** How often one of those killed had met the other's commit where its own should have gone. */
let fenced = 0;

beforeAll(async () => {
  secured = await startSecured();
  folder = join(secured.folder, "data");
  paths = pathsOf(folder);
  config = join(secured.folder, "chaos.properties");
  const login = 'org.apache.kafka.common.security.scram.ScramLoginModule required username="alice"';
  const pairs = {
    "bootstrap.servers": secured.at.LOGIN,
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.jaas.config": `${login} password="alice-secret";`,
    "ssl.truststore.location": secured.authority,
    "compression.type": "zstd",
  };
  const lines = Object.entries(pairs).map(([key, value]) => `${key} = ${value}\n`);
  writeFileSync(config, lines.join(""), { mode: 0o600 });
  const log = createLog("test");
  const settings = await givenKafka(config, {}, (warning) => log.warn(warning));
  kafka = await openKafka(settings!, log);
  for (const topic of TOPICS) await kafka.ensureTopic(topic, PARTITIONS);
}, 120_000);

afterAll(async () => {
  killAll();
  await kafka?.close();
  await secured?.stop();
});

// What is sent. Event k is a function of k alone, so that whoever reads the table can tell what must stand in it.

const topicOf = (k: number) => TOPICS[k % 2]!;
const isMalformed = (k: number) => k % 100 === 50;
const userOf = (k: number) => `u${k % 997}`;

/** By the reason that the dead letters must give. */
const malformed: readonly (readonly [reason: string, value: (k: number) => string | Buffer])[] = [
  ["EMPTY", () => ""],
  ["NOT_UTF8", (k) => Buffer.concat([Buffer.from(`{"user":"u","item":"i${k}`), Buffer.from([0xff, 0x22, 0x7d])])],
  ["NOT_JSON", (k) => `{"user":"u","item":"i${k}"`],
  ["NOT_OBJECT", (k) => `["u","i${k}"]`],
  ["USER_MISSING", (k) => `{"item":"i${k}"}`],
  ["USER_INVALID", (k) => `{"user":true,"item":"i${k}"}`],
  ["ITEM_MISSING", (k) => `{"user":"u","thing":"i${k}"}`],
  ["ITEM_INVALID", (k) => `{"user":"u","item":["i${k}"]}`],
  ["TIMESTAMP_INVALID", (k) => `{"user":"u","item":"i${k}","timestamp":"now"}`],
  ["VALUE_INVALID", (k) => `{"user":"u","item":"i${k}","value":"much"}`],
];

function letterOf(k: number): [reason: string, value: Buffer] {
  const [reason, value] = malformed[Math.floor(k / 100) % malformed.length]!;
  return [reason, Buffer.from(value(k))];
}

/** An unknown field, which ingest ignores: with it a backlog takes many fetches, each of which can be cut off. */
const note = "-".repeat(300);

function messageOf(k: number): Outgoing {
  const key = userOf(k);
  if (isMalformed(k)) return { key, value: letterOf(k)[1] };
  return {
    key,
    value: JSON.stringify({
      user: key,
      item: `i${k}`,
      timestamp: 1_700_000_000_000 + k,
      value: k % 3 === 0 ? null : (k % 10) / 2,
      note,
    }),
  };
}

async function send(count: number): Promise<void> {
  for (const end = sent + count; sent < end; ) {
    const many = Math.min(5000, end - sent);
    const numbers = Array.from({ length: many }, (_, k) => sent + k);
    await Promise.all(
      TOPICS.map((topic) => kafka.produce(topic, numbers.filter((k) => topicOf(k) === topic).map(messageOf))),
    );
    sent += many;
  }
}

/** Sends on and on. The function returned ends it. */
function stream(): () => Promise<void> {
  let over = false;
  const streaming = (async () => {
    while (!over) {
      await send(PACE / 10);
      await pause(100);
    }
  })();
  return () => {
    over = true;
    return streaming;
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

// Processes, and what they say of themselves.

type Status = StatusOf<"ingest">;

const run = (...args: string[]) => start([...args, "--data-dir", folder], { KAFKA_BROKERS: "" });
const flags = ["--topic", TOPICS.join(), "--flush-rows", "500", "--flush-seconds", "0.1"];
const ingest = (...args: string[]) => run("ingest", "--kafka-config", config, ...flags, ...args);

/** undefined while it does not answer. */
async function statusOf({ child }: Running): Promise<Status | undefined> {
  const url = discover(paths.run).find(({ pid }) => pid === child.pid)?.url;
  if (url === undefined) return undefined;
  return statusAt("ingest", url).catch(silent);
}

/** Waits until its /status is so. A process that ends meanwhile fails the test. */
async function untilIt(what: string, running: Running, holds: (status: Status) => boolean): Promise<void> {
  await until(what, async () => {
    await refuseEnded(running);
    const status = await statusOf(running);
    return status !== undefined && holds(status);
  });
}

/** Nobody but the test ends an ingest. */
async function refuseEnded({ child, ended }: Running): Promise<void> {
  if (child.exitCode !== null) throw new Error(`ingest ended by itself: ${JSON.stringify(await ended)}`);
}

const ownOf = ({ partitions }: Status) =>
  partitions.filter(({ offset }) => offset !== null).map(({ topic, partition }) => `${topic}/${partition}`);

async function kill(running: Running): Promise<void> {
  await refuseEnded(running);
  running.child.kill("SIGKILL");
  const { stderr } = await running.ended;
  kills++;
  fenced += stderr.split("WRITER_FENCED").length - 1;
}

/**
 * When an ingest dies: some time after its start, after it first answers (it joins its group then), or after it has
 * written so many rows.
 */
type Moment = { readonly after: "start" | "answer" | number; readonly ms: number };

function drawMoment(random: LegacyRandom): Moment {
  switch (random.interval(3)) {
    case 0:
      return { after: "start", ms: random.interval(1500) };
    case 1:
      return { after: "answer", ms: random.interval(2000) };
    default:
      return { after: 1 + random.interval(6000), ms: random.interval(1000) };
  }
}

async function startAndKill(group: string, { after, ms }: Moment): Promise<void> {
  const running = ingest("--group", group);
  if (after === "answer") await untilIt("ingest answers", running, () => true);
  else if (after !== "start") await untilIt(`ingest writes ${after} rows`, running, ({ written }) => written >= after);
  await pause(ms);
  await kill(running);
}

/** One after the other, each in the group that `groupOf` names. */
async function killMany(count: number, random: LegacyRandom, groupOf: (k: number) => string): Promise<void> {
  for (let k = 0; k < count; k++) await startAndKill(groupOf(k), drawMoment(random));
}

/**
 * Two rows of processes at once on one table. One row shares a group: Kafka gives out a killed member's partitions when
 * its session has ended, after 6 s. The other has a group each: nobody waits there, and two writers hold the same
 * partitions, so that the table alone keeps them apart.
 */
async function war(seed: number): Promise<void> {
  await Promise.all([
    killMany(7, legacyRandom(seed), () => GROUP),
    killMany(14, legacyRandom(seed + 1), (k) => `${GROUP}-${seed}-${k}`),
  ]);
}

test("ingest goes on through kills, a second member and a restart of the broker, until everything is in the table", async () => {
  await send(BACKLOG);
  const endStream = stream();
  await war(SEED);

  const one = ingest("--group", GROUP);
  await untilIt("it has all partitions", one, (status) => ownOf(status).length === PLACES.length);
  // writes what the first has read too: one of them is fenced
  await startAndKill(`${GROUP}-stranger`, { after: 1, ms: 2000 });
  const two = ingest("--group", GROUP);
  await untilIt(
    "the second member has some and writes",
    two,
    (status) => ownOf(status).length > 0 && status.written > 0,
  );
  await until("the two share the partitions", async () => {
    const shares = (await Promise.all([one, two].map(statusOf))).map((status) => (status ? ownOf(status) : []));
    return shares.every(({ length }) => length > 0) && shares.flat().sort().join() === PLACES.join();
  });
  two.child.kill("SIGTERM");
  expect(await two.ended).toMatchObject({ code: 0 });
  await untilIt("the first has all again", one, (status) => ownOf(status).length === PLACES.length);

  await secured.kill();
  await untilIt("it says that Kafka is away", one, ({ state }) => state === "stalled");
  await secured.comeBack();
  const { written: before } = (await statusOf(one))!;
  await untilIt("it goes on by itself", one, ({ state, written }) => state === "consuming" && written > before + PACE);
  await kill(one);

  await war(SEED + 2);
  await endStream();
  await send(Math.max(0, AT_LEAST - sent));
  expect(await ingest("--until-end").ended).toMatchObject({ code: 0 });
  expect(kills).toBeGreaterThanOrEqual(20);
  expect(fenced).toBeGreaterThan(0);
}, 900_000);

/** Of both topics, in order. */
const boundsOfAll = async () =>
  (
    await Promise.all(TOPICS.map(async (topic) => (await kafka.endOffsets(topic)).map((each) => ({ topic, ...each }))))
  ).flat();

const numbers = (wanted: (k: number) => boolean) => Array.from({ length: sent }, (_, k) => k).filter(wanted);

test("`verify` finds as many rows and dead letters as were sent, in every partition", async () => {
  const bounds = await boundsOfAll();
  expect(bounds.reduce((sum, { end }) => sum + end, 0)).toBe(sent); // the producer, too, has sent each once
  const { code, stdout } = await run("verify", "--json").ended;
  const report = JSON.parse(stdout) as {
    version: number;
    partitions: { rows: number; dead: number; partition: number }[];
  };
  expect(report).toMatchObject({ ok: true, problems: [], rows: numbers((k) => !isMalformed(k)).length });
  expect(code).toBe(0);
  expect(report.partitions).toMatchObject(
    bounds.map(({ topic, partition, end }) => ({
      topic,
      partition,
      first: 0,
      last: end - 1,
      missing: 0,
      duplicated: 0,
    })),
  );
  expect(report.partitions.map(({ rows, dead }) => rows + dead)).toEqual(bounds.map(({ end }) => end));
  expect(report.partitions.reduce((sum, { dead }) => sum + dead, 0)).toBe(numbers(isMalformed).length);

  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const [bad, orphans] = [numbers(isMalformed).length, ask(folder, orphanFiles())];
  console.log(
    `chaos: ${sent} events, ${bad} malformed, ${kills} kills, ${fenced} writers fenced, ${report.version + 1} ` +
      `commits, ${orphans} orphan files, ${seconds} s`,
  );
}, 60_000);

/** Files that a writer left without a commit: no entry of the log names them, no reader sees them. */
const orphanFiles = () => `
def orphans(table):
  log = os.path.join(table, "_delta_log")
  actions = [json.loads(line) for name in os.listdir(log) if name.endswith(".json")
             for line in open(os.path.join(log, name))]
  return set(os.listdir(table)) - {"_delta_log"} - {action["add"]["path"] for action in actions if "add" in action}
print(sum(len(orphans(table)) for table in (
  ${JSON.stringify(join(paths.table, "events"))}, ${JSON.stringify(paths.deadLetters)})))`;

/** What a reader of both tables must find. */
async function expected() {
  const [good, bad] = [numbers((k) => !isMalformed(k)), numbers(isMalformed)];
  return {
    rows: { count: good.length, places: good.length, items: good.length, unlike: 0 },
    letters: { count: bad.length, places: bad.length },
    // Of rows and letters together: how many, how many different offsets, the first, the last.
    offsets: (await boundsOfAll()).map(({ topic, partition, end }) => [topic, partition, end, end, 0, end - 1]),
    values: bad
      .map((k) =>
        letterOf(k)
          .map((each) => (Buffer.isBuffer(each) ? each.toString("hex") : each))
          .join(" "),
      )
      .sort(),
  };
}

const tablesOf = () => `
EVENTS, LETTERS, SENT = ${JSON.stringify(join(paths.table, "events"))}, ${JSON.stringify(paths.deadLetters)}, ${sent}
TOPICS = ${JSON.stringify(TOPICS)}`;

test("delta-rs finds every event once, as it was sent, and every malformed one in the dead letters", async () => {
  const found = ask(
    folder,
    `${tablesOf()}
import pyarrow as pa
rows = DeltaTable(EVENTS).to_pyarrow_table()
letters = DeltaTable(LETTERS).to_pyarrow_table()
columns = lambda table, *names: list(zip(*[table[name].to_pylist() for name in names]))
def like(topic, user, item, timestamp, value):
  k = int(item[1:])
  sent = (TOPICS[k % 2], "u%d" % (k % 997), "i%d" % k, (1700000000000 + k) * 1000, None if k % 3 == 0 else k % 10 / 2)
  return k < SENT and k % 100 != 50 and sent == (topic, user, item, timestamp, value)
typed = rows.set_column(rows.schema.get_field_index("timestamp"), "timestamp", rows["timestamp"].cast(pa.int64()))
places = {name: columns(table, "topic", "kafka_partition", "kafka_offset")
          for name, table in (("rows", rows), ("letters", letters))}
by_partition = {}
for *place, offset in places["rows"] + places["letters"]: by_partition.setdefault(tuple(place), []).append(offset)
print(json.dumps({
  "rows": {
    "count": rows.num_rows,
    "places": len(set(places["rows"])),
    "items": len(set(rows["item"].to_pylist())),
    "unlike": sum(not like(*row) for row in columns(typed, "topic", "user", "item", "timestamp", "value")),
  },
  "letters": {"count": letters.num_rows, "places": len(set(places["letters"]))},
  "offsets": [[*p, len(o), len(set(o)), min(o), max(o)] for p, o in sorted(by_partition.items())],
  "values": sorted("%s %s" % (reason, (value or b"").hex()) for reason, value in columns(letters, "reason", "value")),
}))`,
  );
  expect(found).toEqual(await expected());
}, 60_000);

test("DuckDB finds the same in the files that the log names", async () => {
  const found = ask(
    folder,
    `${tablesOf()}
import duckdb
for name, table in (("events", EVENTS), ("letters", LETTERS)):
  assert DeltaTable(table).protocol().min_reader_version == 1, \\
    "more than Parquet files and a log: the files alone are not the table"
  duckdb.read_parquet(DeltaTable(table).file_uris()).create(name)
one = lambda query: duckdb.sql(query).fetchall()[0]
duckdb.sql("create view sent as select *, item[2:]::bigint k from events")
count, places, items, unlike = one(f"""
  select count(*), count(distinct (topic, kafka_partition, kafka_offset)), count(distinct item), count(*) filter (where
    k >= {SENT} or k % 100 = 50 or topic <> {TOPICS}[k % 2 + 1] or "user" <> 'u' || (k % 997) or item <> 'i' || k
      or epoch_us(timestamp) <> (1700000000000 + k) * 1000
    or value is distinct from case when k % 3 = 0 then null else k % 10 / 2 end) from sent""")
letters, letter_places = one("select count(*), count(distinct (topic, kafka_partition, kafka_offset)) from letters")
offsets = duckdb.sql("""
  select topic, kafka_partition, count(*), count(distinct kafka_offset), min(kafka_offset), max(kafka_offset)
  from (select topic, kafka_partition, kafka_offset from events
        union all select topic, kafka_partition, kafka_offset from letters) group by 1, 2 order by 1, 2""")
print(json.dumps({
  "rows": {"count": count, "places": places, "items": items, "unlike": unlike},
  "letters": {"count": letters, "places": letter_places},
  "offsets": [list(row) for row in offsets.fetchall()],
  "values": sorted(value for value, in duckdb.sql(
    "select reason || ' ' || coalesce(lower(hex(value)), '') from letters").fetchall()),
}))`,
  );
  expect(found).toEqual(await expected());
}, 60_000);
