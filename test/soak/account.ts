// The account at the end: the stream is read to its end, and all that Kafka holds is looked up in the tables.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Report } from "../../services/commands/table/proof.ts";
import { stringsOf } from "../../shared/events/text.ts";
import { brokerStatus } from "../../shared/kafka/broker.ts";
import { openKafka } from "../../shared/kafka/client.ts";
import { plainKafka } from "../../shared/kafka/settings.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { openDeadLetters, readDeadLetters } from "../../shared/table/dead-letters.ts";
import { openExistingEvents, readEvents } from "../../shared/table/events.ts";
import { bin } from "./flow.ts";
import type { Rows } from "./judge.ts";
import { badText, OWN, type Sent, TOPIC } from "./own-events.ts";

const execute = promisify(execFile);

/** Or what went wrong before anything could be counted. */
export async function account(
  dataDir: string,
  sent: Sent,
  mark: Readonly<Record<string, string>>,
): Promise<Rows | string> {
  const tributary = (...args: string[]) =>
    execute(process.execPath, [bin, ...args, "--data-dir", dataDir], {
      env: { ...process.env, ...mark },
      maxBuffer: 2 ** 26,
    });
  try {
    await tributary("broker", "start");
    await tributary("ingest", "--until-end");
    const produced = await offsets(dataDir);
    const report = await tributary("verify", "--json").catch(({ stdout, message }) => ({
      stdout: stdout || JSON.stringify({ ok: false, partitions: [], problems: [message] }),
    }));
    const { ok, partitions, problems } = JSON.parse(report.stdout) as Report;
    const sum = (field: "rows" | "dead" | "filtered") => partitions.reduce((total, each) => total + each[field], 0);
    const found = await numbersIn(pathsOf(dataDir).table);
    const letters = await ownLetters(pathsOf(dataDir).deadLetters);
    return {
      produced,
      rows: sum("rows"),
      dead: sum("dead"),
      filtered: sum("filtered"),
      problems: ok ? [] : problems.map((each) => `verify: ${each}`),
      own: { sent: sent.good.length, lost: sent.good.filter((k) => !found.has(k)) },
      ownBad: { sent: sent.bad.length, found: sent.bad.filter((k) => letters.has(badText(k))).length },
    };
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    return `the stream could not be read to its end: ${(stderr || message).trim().slice(-500)}`;
  } finally {
    await tributary("broker", "stop").catch(() => {});
  }
}

async function offsets(dataDir: string): Promise<number> {
  const { brokers } = await brokerStatus(dataDir);
  const log = createLog("soak");
  log.level = "silent";
  const kafka = await openKafka(plainKafka(brokers ?? ""), log);
  try {
    return (await kafka.endOffsets(TOPIC)).reduce((sum, { begin, end }) => sum + end - begin, 0);
  } finally {
    await kafka.close();
  }
}

/** Numbers of the soak's own events that are rows. */
async function numbersIn(tableDir: string): Promise<Set<number>> {
  const table = await openExistingEvents(tableDir);
  const found = new Set<number>();
  for (const file of table.files) {
    const { length, user, value } = await readEvents(table.store, file);
    const isOwn = stringsOf(user.words).map((word) => word.startsWith(OWN));
    for (let k = 0; k < length; k++) if (isOwn[user.numbers[k]!]) found.add(value[k]!);
  }
  return found;
}

async function ownLetters(dir: string): Promise<Set<string>> {
  const table = await openDeadLetters(dir);
  const found = new Set<string>();
  for (const file of table.files)
    for (const { value } of await readDeadLetters(table.store, file))
      found.add(Buffer.from(value ?? "").toString("utf8"));
  return found;
}
