// Runs a program quietly: its output is kept, and told only when it fails, by its telling lines and the file that holds
// all of it.
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { cacheFolder } from "./cache.mjs";

const running = new Set();

/** Those that run, with all that they have started. */
export function endPrograms() {
  for (const { pid } of running) {
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // it has just ended
    }
  }
}

/** Resolves to the output; rejects with an error that says what failed, why, and where the whole output lies. */
export function execute(program, args, { cwd, env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    if (child.pid !== undefined) running.add(child);
    child.on("exit", () => running.delete(child));
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    child.on("error", (error) => reject(new Error(`\`${program}\` cannot be run: ${error.code}`)));
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(output);
      const log = join(cacheFolder, "logs", `${basename(program)}-${process.pid}.log`);
      mkdirSync(join(cacheFolder, "logs"), { recursive: true });
      writeFileSync(log, `${[program, ...args].join(" ")}\n${output}`);
      const told = causeOf(output).map((line) => `  ${line}`);
      reject(
        new Error(
          [
            `\`${basename(program)}\` ended with ${signal ?? `exit code ${code}`}`,
            ...told,
            `  (all of it: ${log})`,
          ].join("\n"),
        ),
      );
    });
  });
}

/** The first lines that speak of an error: what comes after them are its consequences. */
export function causeOf(output) {
  const lines = output.split("\n").filter((line) => line.trim() !== "" && !/\bwarn\b/i.test(line));
  const telling = lines.filter((line) =>
    /error|fatal|failed|cannot|denied|no space|not found|missing|unreachable/i.test(line),
  );
  return (telling.length > 0 ? telling.slice(0, 6) : lines.slice(-6)).map((line) => line.trim().slice(0, 300));
}
