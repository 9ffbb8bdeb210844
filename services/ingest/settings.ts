// What the flags of `ingest` come to: where the tables lie, how much each part may hold, whom it shares the partitions
// with.
import { join } from "node:path";
import { hash32 } from "../../shared/events/hash.ts";
import { readShapes, shapeOf } from "../../shared/files/shape-flags.ts";
import { absolute, isInStore } from "../../shared/runtime/location.ts";
import type { Paths } from "../../shared/runtime/paths.ts";
import { budgetOf } from "./memory.ts";
import type { Config } from "./options.ts";

const RETRY_MS = 1000;

export function settingsOf(config: Config, paths: Pick<Paths, "root" | "table" | "deadLetters">) {
  const tableDir = absolute(config.table ?? paths.table);
  const tableHash = hash32(tableDir, 0).toString(16);
  const room = budgetOf(config.memory);
  const shapes = readShapes(config);
  return {
    /**
     * Consumers of one group share the partitions: by default all that write into one table. Each topic has a group of
     * its own, so that processes which read others share nothing that is not theirs.
     */
    groupOf: (topic: string) => {
      const isOne = "names" in config.topic && config.topic.names.length === 1;
      if (config.group !== undefined && isOne) return config.group;
      return `${config.group ?? `tributary-${tableHash}`}-${topic}`;
    },
    /** How events stand in the topic's messages; null: as ours do. */
    shapeFor: (topic: string) => shapeOf(shapes, topic),
    fetchBytes: room.fetch,
    batchBytes: room.batch,
    pipeline: {
      tableDir,
      deadLettersDir: absolute(config.deadLetters ?? paths.deadLetters),
      // it is of processes of this machine
      inWorkDir: isInStore(tableDir) ? join(paths.root, "in-work", tableHash) : join(tableDir, "in-work"),
      limits: {
        rows: config.flushRows,
        bytes: Math.min(config.flushBytes, room.buffer),
        ageMs: 1000 * config.flushSeconds,
      },
      stopOnBadEvent: config.onBadEvent === "stop",
      stopOnLost: config.onLostOffsets === "stop",
      stopOnNewTopic: config.onNewTopic === "stop",
      retryMs: RETRY_MS,
      bytesUnderWay: room.underWay,
      heapMegabytes: room.threadHeap / 1e6,
    },
  };
}
