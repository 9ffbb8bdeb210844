// Three kinds of tests: unit (no sockets, side by side), integration (real broker and processes) and e2e (the whole
// flow), each file after the other.
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const env = { TF_CPP_MIN_LOG_LEVEL: "2", TF_NUM_INTRAOP_THREADS: "1", TF_NUM_INTEROP_THREADS: "1" };
const serial = { pool: "forks", fileParallelism: false, env, sequence: { groupOrder: 1 } } as const;
/** A test that hangs is ended; one that shares the machine with other work is not. */
const PATIENCE = 120_000;
/** On every core: Vitest leaves one to itself, and of two that is half. */
const maxWorkers = availableParallelism();

export default defineConfig({
  resolve: { preserveSymlinks: process.execArgv.includes("--preserve-symlinks") }, // infra/setup/tests.mjs says when
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.{ts,mjs}"],
          pool: "forks",
          maxWorkers,
          testTimeout: PATIENCE,
          hookTimeout: PATIENCE,
          env,
        },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 90_000,
          ...serial,
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          ...serial,
        },
      },
    ],
  },
});
