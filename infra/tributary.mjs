#!/usr/bin/env node
// The command `tributary`: the command line of services/cli.ts, in this same process.
import { built } from "./program.mjs";

process.setSourceMapsEnabled(true); // a stack trace names the lines of the source
let cli;
try {
  cli = await built(new URL("../services/cli.ts", import.meta.url));
} catch (error) {
  if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
  process.stderr.write("SETUP_MISSING: the npm packages are not installed. run `npm run setup`\n");
  process.exit(3);
}
await import(cli);
