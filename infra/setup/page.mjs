// The dashboard's page, built by vite when its sources changed.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { keyOf, root } from "./cache.mjs";
import { execute } from "./execute.mjs";
import { readStamp, writeStamp } from "./stamp.mjs";
import { alreadyThere, leftOut, SetupError } from "./steps.mjs";

export async function buildPage() {
  const folder = join(root, "services", "dashboard");
  const config = join(folder, "vite.config.ts");
  if (!existsSync(config)) return leftOut("no page in this checkout");
  const key = keyOf([], [folder, join(root, "shared"), join(root, "package-lock.json")]);
  if (readStamp("page") === key && existsSync(join(folder, "dist", "index.html"))) return alreadyThere;
  try {
    await execute(process.execPath, [join(root, "node_modules/vite/bin/vite.js"), "build", "--config", config], {
      cwd: root,
    });
  } catch (error) {
    throw new SetupError("SETUP_FAILED", `dashboard page: ${error.message}`, 1);
  }
  writeStamp("page", key);
}
