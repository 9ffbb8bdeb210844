#!/usr/bin/env node
// The command `tributary`: the command line of services/cli.ts, in this same process.
import module from "node:module";
import { fileURLToPath } from "node:url";
import { built } from "./program.mjs";
import "./stack-traces.mjs";

let cli;
try {
  cli = await built(new URL("../services/cli.ts", import.meta.url));
} catch (error) {
  const problem = {
    ERR_MODULE_NOT_FOUND: "the npm packages are not installed",
    EACCES: "the program is not built, and this user may not write into node_modules",
    EROFS: "the program is not built, and node_modules is read-only",
  }[error.code];
  if (!problem) throw error;
  process.stderr.write(`SETUP_MISSING: ${problem}. run \`npm run setup\`\n`);
  process.exit(3);
}
// from Node 22 on: what V8 made of the build, beside it
module.enableCompileCache?.(fileURLToPath(new URL("../compiled", cli)));
await import(cli);
