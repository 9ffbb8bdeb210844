// Runs a program quietly: its output is kept, and shown only when it fails.
import { spawn } from "node:child_process";

/** Resolves to the output; rejects with the last lines of it. `error.code` is ENOENT when there is no such program. */
export function execute(program, args, { cwd, env, input } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
    child.stdin.on("error", () => {}).end(input ?? "");
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`\`${[program, ...args].join(" ")}\` ended with ${signal ?? `exit code ${code}`}:\n${essence(output)}`));
    });
  });
}

/** Short output whole, long output by its beginning and end: npm says the cause first, compilers and Maven last. */
function essence(output) {
  const lines = output.trimEnd().split("\n");
  return (lines.length <= 24 ? lines : [...lines.slice(0, 12), "...", ...lines.slice(-12)]).join("\n");
}
