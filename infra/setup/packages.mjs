// Node and the npm packages: exactly those of the lock file, no package's scripts run.
import { existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { keyOf, root } from "./cache.mjs";
import { execute } from "./execute.mjs";
import { readStamp, writeStamp } from "./stamp.mjs";
import { alreadyThere, SetupError } from "./steps.mjs";

export function checkNode(version) {
  const [major, minor] = version.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new SetupError(
    "NODE_TOO_OLD",
    `Tributary needs Node 20.19 or newer, this is ${version}. Install a newer one from your system or nodejs.org`,
    3,
  );
}

export async function installPackages() {
  const key = keyOf([process.platform, process.arch], [join(root, "package-lock.json")]);
  if (readStamp("packages") === key && existsSync(join(root, "node_modules", ".bin", "tributary"))) return alreadyThere;
  try {
    await npm(["ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"], { cwd: root });
  } catch (error) {
    throw new SetupError(
      "SETUP_FAILED",
      `npm packages: ${error.message}\nCheck the network and the disk, then run \`npm run setup\` again`,
      3,
    );
  }
  linkCommand();
  writeStamp("packages", key);
}

/** `npx tributary` finds its command here, as if the checkout were a package of its own. */
function linkCommand() {
  const bin = join(root, "node_modules", ".bin");
  mkdirSync(bin, { recursive: true });
  rmSync(join(bin, "tributary"), { force: true });
  symlinkSync("../../infra/tributary.mjs", join(bin, "tributary"));
}

/** The npm that called us, or else the one on the path. */
function npm(args, options) {
  const own = process.env.npm_execpath;
  return own?.endsWith(".js") ? execute(process.execPath, [own, ...args], options) : execute("npm", args, options);
}
