// What a client of Kafka must pass to stand behind our port (shared/kafka/port.ts), held against a real broker: each
// way in and each refusal, codecs both ways, groups, transactions, compaction, batches that are bombs, what changes
// while it runs, a broker that is lost and comes back, and an end in time. One broker for all of it.
import { describe } from "vitest";
import { survivesBombs } from "./kafka-port/bombs.ts";
import { heedsChanges } from "./kafka-port/changes.ts";
import { bothWays } from "./kafka-port/codecs.ts";
import { endsInTime } from "./kafka-port/ends.ts";
import { outlivesTheBroker, readsAll } from "./kafka-port/reading.ts";
import { useSecured } from "./kafka-port/secured.ts";
import { runsEverything } from "./kafka-port/up.ts";
import { waysIn } from "./kafka-port/ways-in.ts";

useSecured();
waysIn();
describe("codecs", bothWays);
describe("batches that are bombs", survivesBombs);
describe("a reader is given everything, once", readsAll);
describe.concurrent("what changes while it runs", heedsChanges);
describe("everything at once", runsEverything);
describe("a broker that is lost", outlivesTheBroker);
describe("an end within the drain time", endsInTime);
