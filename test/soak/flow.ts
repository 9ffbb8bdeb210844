// `up` as somebody at a terminal has it: started, started again when it was killed, asked how far it is, ended with
// Ctrl-C.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { askAll } from "../../shared/health/answers.ts";
import { flowOf } from "../../shared/health/facts/flow.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { MARK } from "./tree.ts";

export const bin = fileURLToPath(new URL("../../infra/tributary.mjs", import.meta.url));
const START_MS = 240_000;
const END_MS = 90_000;
/** A start again finds what is left of the one before. */
const PAUSE_MS = 500;

export interface FlowOptions {
  readonly dataDir: string;
  readonly mark: string;
  readonly port: number;
  readonly rate: number;
  /** What it prints goes there. */
  readonly log: string;
  /** Temporary files of the whole tree. */
  readonly temporary: string;
}

export interface RunningFlow {
  readonly pid: number;
  /** Ctrl-C; the exit code. Ended by force when that takes too long: undefined. */
  end(): Promise<number | undefined>;
  /** Rows in the table and the newest published version. */
  progress(): Promise<Progress>;
  /** This `up` gets a signal that ends it: it is started again. Asked to end, it ends with 0. */
  struck(pid: number, how: "kill" | "term"): void;
}

export interface Progress {
  /** Null while ingest does not answer. */
  readonly rows: number | null;
  readonly version: string | null;
}

/** `failed` hears of each end that nobody asked for. It is started again all the same, so that the soak goes on. */
export function startFlow(
  options: FlowOptions,
  environment: NodeJS.ProcessEnv,
  failed: (what: string) => void,
): RunningFlow {
  const { dataDir, mark, port, rate, temporary } = options;
  let ending = false;
  const awaited = new Map<number, "kill" | "term">();
  const start = (): ChildProcess => {
    const out = openSync(options.log, "a");
    const env = { ...process.env, ...environment, [MARK]: mark, TMPDIR: temporary };
    const args = [bin, "up", "--data-dir", dataDir, "--port", String(port), "--rate", String(rate)];
    // A group of its own: Ctrl-C at the soak's terminal is the soak's.
    const child = spawn(process.execPath, args, { stdio: ["ignore", out, out], env, detached: true });
    closeSync(out);
    child.once("exit", async (code, signal) => {
      if (ending) return;
      const how = awaited.get(child.pid ?? 0);
      const ended = `(${code ?? signal}): ${lastLine(options.log)}`;
      if (how === undefined) failed(`\`up\` ended by itself ${ended}`);
      else if (how === "term" && code !== 0) failed(`SIGTERM ended \`up\` with another code than 0 ${ended}`);
      await sleep(PAUSE_MS);
      if (!ending) current = start();
    });
    return child;
  };
  let current = start();
  return {
    get pid() {
      return current.pid ?? 0;
    },
    struck: (pid, how) => {
      if (awaited.get(pid) !== "kill") awaited.set(pid, how);
    },
    progress: async () => {
      const flow = flowOf(await askAll(pathsOf(dataDir).run, 1000), Date.now());
      return {
        rows: flow.ingest?.status?.table?.rows ?? null,
        version: flow.evaluator?.status?.published?.version ?? null,
      };
    },
    end: async () => {
      ending = true;
      const child = current;
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? undefined;
      const ended = new Promise<number | undefined>((resolve) =>
        child.once("exit", (code) => resolve(code ?? undefined)),
      );
      child.kill("SIGINT");
      const alarm = setTimeout(() => child.kill("SIGKILL"), END_MS);
      const code = await ended;
      clearTimeout(alarm);
      return code;
    },
  };
}

/** Resolves when rows come in and a newer version is published than there was; false when that takes too long. */
export async function goesOn(flow: RunningFlow, signal: AbortSignal): Promise<boolean> {
  const before = await flow.progress();
  for (
    const deadline = performance.now() + START_MS;
    performance.now() < deadline && !signal.aborted;
    await sleep(1000, signal)
  ) {
    const now = await flow.progress();
    if ((now.rows ?? 0) > (before.rows ?? 0) && now.version !== null && now.version !== before.version) return true;
  }
  return signal.aborted;
}

function lastLine(log: string): string {
  return readFileSync(log, "utf8").trimEnd().split("\n").at(-1)?.slice(-300) ?? "";
}
