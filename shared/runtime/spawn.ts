// Starts a command of ours as a process of its own: own process group (Ctrl-C reaches the parent alone, which drains in
// order), an IPC channel that tells it when the parent is gone.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type ErrorCode, errors } from "../errors/errors.ts";
import { setting } from "./command.ts";
import { placeFor } from "./gpu/places.ts";

const bin = fileURLToPath(new URL("../../infra/tributary.mjs", import.meta.url));

/** How a process ended. */
export interface Ending {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  /** Its work was done: nobody had asked it to stop. */
  readonly finished: boolean;
  /** What it says of it itself. */
  readonly failed?: ErrorCode | undefined;
}

export interface Spawned {
  readonly name: string;
  readonly child: ChildProcess;
  readonly running: boolean;
  /** Exit code; 1 when a signal ended it. Never rejects. */
  readonly exited: Promise<number>;
  /** The same in full. Never rejects. */
  readonly ended: Promise<Ending>;
  /** SIGTERM, then SIGKILL after the grace. Resolves when the process is gone. */
  stop(graceMs?: number): Promise<void>;
}

export interface SpawnOptions {
  /** Threads of the tensor engine, for the services that have one. */
  readonly threads?: number;
  /** File that stderr and stdout are appended to; without it stderr is the parent's. */
  readonly log?: string;
  /** Only warnings and errors on stderr, where the parent tells progress itself. TRIBUTARY_LOG_LEVEL wins. */
  readonly quiet?: boolean;
  /** Of a run that starts trainers of its own, how many: it has so many turns at the GPUs. */
  readonly trainers?: number;
}

export function spawnService(command: string, args: readonly string[], options: SpawnOptions = {}): Spawned {
  if (options.log) mkdirSync(dirname(options.log), { recursive: true });
  const out = options.log ? openSync(options.log, "a") : undefined;
  const isTraining = command === "server" || command === "trainer";
  const place = placeFor(command, options.trainers);
  const startedAt = performance.now();
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, [...(isTraining ? heapFlags : []), bin, command, ...args], {
      detached: true,
      stdio: ["ignore", out ?? "ignore", out ?? "inherit", "ipc"],
      env: {
        ...process.env,
        TRIBUTARY_HTTP_PORT: undefined, // an image sets it for its one service: what that starts would all want it
        ...(options.quiet && !setting(process.env, "TRIBUTARY_LOG_LEVEL") ? { TRIBUTARY_LOG_LEVEL: "warn" } : {}),
        ...(isTraining || options.threads !== undefined ? pagesKept : {}),
        ...(options.threads === undefined ? {} : engineEnvironment(options.threads)),
        ...place?.env,
      },
    });
  } finally {
    if (out !== undefined) closeSync(out);
  }
  let running = true;
  const ended = endingOf(child).then((ending) => {
    running = false;
    place?.left({ ...ending, ranMs: performance.now() - startedAt });
    return ending;
  });
  const exited = ended.then(({ code }) => code ?? 1);
  return {
    name: command,
    child,
    get running() {
      return running;
    },
    exited,
    ended,
    stop: async (graceMs = 5_000) => {
      if (!running) return;
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

function endingOf(child: ChildProcess): Promise<Ending> {
  let finished = false;
  let failed: ErrorCode | undefined;
  child.on("message", (message) => {
    const told = (message ?? {}) as { finished?: unknown; failed?: unknown };
    finished = told.finished === true;
    if (typeof told.failed === "string" && told.failed in errors) failed = told.failed as ErrorCode;
  });
  return new Promise((resolve) => {
    child.once("error", () => child.pid === undefined && resolve({ code: 1, signal: null, finished: false }));
    child.once("exit", (code, signal) => {
      const ended = () => resolve({ code, signal, finished, failed });
      if (!child.connected) return ended();
      child.once("disconnect", ended); // what it said last may come after its exit
      setTimeout(ended, 500).unref();
    });
  });
}

/**
 * Training moves megabytes of arrays at every step. V8 would collect its whole heap each time; below this limit it
 * leaves them to its small, short collections.
 */
const heapFlags = ["--initial-old-space-size=1536"];

/** The C library keeps freed pages, which saves about 20 % of a step. */
const pagesKept = {
  MALLOC_MMAP_THRESHOLD_: "4294967296",
  MALLOC_TRIM_THRESHOLD_: "8589934592",
  MALLOC_TOP_PAD_: "268435456",
};

/** Must stand before the process starts: TensorFlow reads it once. */
function engineEnvironment(threads: number): Record<string, string> {
  return {
    TF_NUM_INTRAOP_THREADS: String(threads),
    TF_NUM_INTEROP_THREADS: "1",
    TF_CPP_MIN_LOG_LEVEL: "2",
  };
}
