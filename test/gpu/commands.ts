// Commands that the check runs, each as a process group of its own that is ended when its time is up.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
  readonly isLate: boolean;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const GRACE_MS = 5_000;

export function ran(
  program: string,
  args: readonly string[],
  { seconds: most, env = {} }: { readonly seconds: number; readonly env?: NodeJS.ProcessEnv },
): Promise<Ran> {
  const startedAt = performance.now();
  const child = spawn(program, args, {
    ...{ cwd: root, detached: true },
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (more: string) => {
      text[name] += more;
    });
  let isLate = false;
  const end = (signal: NodeJS.Signals) => {
    isLate = true;
    try {
      process.kill(-child.pid!, signal);
    } catch {} // it has just ended
  };
  const timers = [setTimeout(end, 1000 * most, "SIGTERM"), setTimeout(end, 1000 * most + GRACE_MS, "SIGKILL")];
  return new Promise((resolve) => {
    const done = (code: number | null) => {
      for (const timer of timers) clearTimeout(timer);
      resolve({ code, ...text, seconds: (performance.now() - startedAt) / 1000, isLate });
    };
    child.once("error", (error) => {
      text.stderr += error.message;
      done(1);
    });
    child.once("close", done);
  });
}

export const tributary = (args: readonly string[], options: Parameters<typeof ran>[2]): Promise<Ran> =>
  ran(process.execPath, ["infra/tributary.mjs", ...args], options);

/** Why it failed, on one line. */
export const whyOf = ({ code, stderr, seconds, isLate }: Ran): string =>
  isLate
    ? `not done after ${seconds.toFixed(0)} s`
    : `exit code ${code}: ${stderr.trimEnd().split("\n").at(-1)?.slice(0, 200) ?? ""}`;
