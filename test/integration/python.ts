// A Python with deltalake and duckdb, asked by a script: readers of tables that share no code with us.
import { execFileSync } from "node:child_process";

const python = process.env.TRIBUTARY_TEST_PYTHON;

/** What the script prints, JSON; `folder` is where it runs. A script that throws fails the test. */
export function ask(folder: string, script: string): unknown {
  if (!python) throw new Error("TRIBUTARY_TEST_PYTHON names no Python with deltalake and duckdb; `npm test` sets it");
  const before = "import json, os, sys\nfrom deltalake import DeltaTable";
  // Past Python's own way out: there the threads of deltalake and pyarrow now and then abort the process ("terminate
  // called without an active exception") after the whole answer, on a table of delta-rs's own writing too.
  const after = "sys.stdout.flush()\nos._exit(0)";
  const options = { cwd: folder, encoding: "utf8", maxBuffer: 64 << 20 } as const;
  return JSON.parse(execFileSync(python, ["-c", `${before}\n${script}\n${after}`], options));
}
