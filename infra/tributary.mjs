#!/usr/bin/env node
// The command `tributary`: loads TypeScript as it is (tsx), then the command line of services/cli.ts in this same process.
import { fileURLToPath } from "node:url";

let api;
try {
  api = await import("tsx/esm/api");
} catch (error) {
  if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
  process.stderr.write("SETUP_MISSING: the npm packages are not installed. run `npm run setup`\n");
  process.exit(3);
}
api.register({ tsconfig: fileURLToPath(new URL("../tsconfig.json", import.meta.url)) });
await import("../services/cli.ts");
