// What the flags of `ingest` come to: where the tables lie, how much each part may hold, whom it shares the partitions
// with.
import { resolve } from "node:path";
import { hash32 } from "../../shared/events/hash.ts";
import { readShapes, shapeOf } from "../../shared/files/shape-flags.ts";
import type { Paths } from "../../shared/runtime/paths.ts";
import { budgetOf } from "./memory.ts";
import type { Config } from "./options.ts";

const RETRY_MS = 1000;

export function settingsOf(config: Config, paths: Pick<Paths, "table" | "deadLetters">) {
  const tableDir = resolve(config.table ?? paths.table);
  const room = budgetOf(config.memory);
  return {
    /** Consumers of one group share the partitions: by default all that write into one table. */
    group: config.group ?? `tributary-${hash32(tableDir, 0).toString(16)}`,
    fetchBytes: room.fetch,
    pipeline: {
      topic: config.topic,
      tableDir,
      deadLettersDir: resolve(config.deadLetters ?? paths.deadLetters),
      limits: {
        rows: config.flushRows,
        bytes: Math.min(config.flushBytes, room.buffer),
        ageMs: 1000 * config.flushSeconds,
      },
      shape: shapeOf(readShapes(config), config.topic),
      stopOnBadEvent: config.onBadEvent === "stop",
      stopOnLost: config.onLostOffsets === "stop",
      retryMs: RETRY_MS,
      bytesUnderWay: room.underWay,
      heapMegabytes: room.threadHeap / 1e6,
    },
  };
}
