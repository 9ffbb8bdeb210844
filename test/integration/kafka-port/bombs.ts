// Batches that unpack to far more than they are: under --memory each is refused with its offset, and the rest is read.
import { join } from "node:path";
import { expect, test } from "vitest";
import { prove } from "../../../services/commands/table/proof.ts";
import { codecs } from "../../../shared/kafka/codecs.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { openDeadLetters, readDeadLetters } from "../../../shared/table/dead-letters.ts";
import { start } from "../processes.ts";
import { open, secured } from "./secured.ts";

export function survivesBombs(): void {
  test("a batch that unpacks to more than --memory has room for is a dead letter with its reason, and what stands around it is rows", async () => {
    const value = Buffer.alloc(48 << 20);
    const names = Object.keys(codecs).filter((name) => name !== "snappy"); // a megabyte of it is at most twenty
    await (await open("PLAIN")).ensureTopic("bombs", 1);
    for (const name of names) {
      const kafka = await open("PLAIN", { "compression.type": name });
      await kafka.produce("bombs", [{ key: "k", value: `{"user":"${name}","item":"i"}` }]);
      await kafka.produce("bombs", [{ key: "k", value }]);
      await kafka.close();
    }
    const dataDir = join(secured.folder, "bombs");
    const flags = ["--topic", "bombs", "--memory", "448MB", "--data-dir", dataDir];
    const { code, stderr } = await start(["ingest", "--until-end", ...flags], { KAFKA_BROKERS: secured.at.PLAIN })
      .ended;
    expect([code, stderr]).toEqual([0, expect.stringMatching(/"written":3,"dead":3/)]);
    const { table, deadLetters } = pathsOf(dataDir);
    const dead = await openDeadLetters(deadLetters);
    const letters = (await Promise.all(dead.files.map((file) => readDeadLetters(dead.store, file)))).flat();
    expect(letters.map(({ offset, reason, detail }) => [offset, reason, detail])).toEqual(
      names.map((name, k) => [
        2 * k + 1,
        "NOT_UNPACKED",
        expect.stringMatching(new RegExp(`^its batch of ${name} unpacks to more than the 18 MB`)),
      ]),
    );
    expect(await prove(table, deadLetters)).toMatchObject({ ok: true, partitions: [{ rows: 3, dead: 3, read: 6 }] });
    expect(Number(/"peakBytes":(\d+)/.exec(stderr)![1])).toBeLessThan(448e6);
  }, 60_000);
}
