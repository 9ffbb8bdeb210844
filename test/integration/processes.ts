// The command line as real processes, for tests: started, waited for, ended with the test.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface Ended {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

const cli = fileURLToPath(new URL("../../infra/tributary.mjs", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));
const children = new Set<ChildProcess>();

/** `tributary ARGS`, with `env` beside this process's own; `input` goes to its stdin. */
export function start(args: readonly string[], env: NodeJS.ProcessEnv = {}, input = ""): Running {
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin!.on("error", () => undefined).end(input); // it may end before it has read all
  children.add(child);
  child.once("exit", () => children.delete(child));
  const [stdout, stderr] = [textOf(child.stdout!), textOf(child.stderr!)];
  return {
    child,
    ended: once(child, "close").then(([code]) => ({ code: code as number | null, stdout: stdout(), stderr: stderr() })),
  };
}

function textOf(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8").on("data", (more: string) => {
    text += more;
  });
  return () => text;
}

/** Kills what a test that failed has left behind. */
export function killAll(): void {
  for (const child of children) child.kill("SIGKILL");
}

/** Asks again and again. Throws when `what` has not come true in time. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, ms = 60_000): Promise<void> {
  for (const deadline = performance.now() + ms; !(await condition()); ) {
    if (performance.now() > deadline) throw new Error(`waited ${ms / 1000} s, and still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
