// What only the tests need: readers of tables that are not ours (Python), a browser, promtool, and vitest with one last
// line.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheFolder, keyOf, publish, root, workFolderFor } from "./cache.mjs";
import { execute } from "./execute.mjs";
import { found, leftOut } from "./steps.mjs";
import { tally } from "./tally.mjs";

/** A Python with deltalake, duckdb and a server of S3 (moto). Its path goes to the tests as TRIBUTARY_TEST_PYTHON. */
export async function installReaders() {
  const requirements = join(root, "infra", "readers", "requirements.txt");
  const target = join(cacheFolder, "readers", keyOf([process.platform, process.arch], [requirements]));
  const python = join(target, "bin", "python");
  if (existsSync(python)) return found(python, "already there");
  const work = workFolderFor(target);
  try {
    await execute("python3", ["-m", "venv", work]);
    await execute(join(work, "bin", "python"), [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      "--only-binary=:all:",
      "-r",
      requirements,
    ]);
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    return leftOut(`tests that read tables with other tools cannot run: ${error.message}`);
  }
  publish(work, target);
  return found(python);
}

const browsers = ["chromium", "chromium-browser", "google-chrome"];
const which = (name) => spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim();

/** Debian's chromium. Its path goes to the tests as TRIBUTARY_TEST_CHROMIUM. */
export const findChromium = () => ofDebian("chromium", browsers, "tests of the page cannot run");

/** What checks alerts and metrics. Its path goes to the tests as TRIBUTARY_TEST_PROMTOOL. */
export const findPromtool = () =>
  ofDebian("prometheus", ["promtool"], "alerts and metrics are not checked with promtool");

/** The first of `programs` that is there, else Debian's package with them. */
async function ofDebian(name, programs, loss) {
  const present = () => programs.map(which).find((path) => path !== "");
  const there = present();
  if (there) return found(there, "already there");
  if (process.getuid?.() !== 0 || which("apt-get") === "")
    return leftOut(`${loss}: install ${programs[0]} (Debian: \`apt-get install ${name}\`)`);
  try {
    installing = installing.catch(() => {}).then(() => aptGet(name));
    await installing;
  } catch (error) {
    return leftOut(`${loss}: ${error.message}`);
  }
  return found(present());
}

/** One at a time: apt-get locks. */
let installing = Promise.resolve();

async function aptGet(name) {
  await execute("apt-get", ["update", "-q"]);
  // RUNLEVEL=1: a service that the package brings is not started
  await execute("apt-get", ["install", "-y", "-q", "--no-install-recommends", name], {
    env: { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
  });
}

/**
 * vite takes what follows a `#` or `?` in a path for an address's: below such a folder the tests are run through a
 * link, and names stay as the link has them.
 */
function placeFor(folder) {
  if (!/[?#]/.test(root)) return { flags: [], place: root };
  const place = join(folder, "checkout");
  symlinkSync(root, place);
  return { flags: ["--preserve-symlinks", "--preserve-symlinks-main"], place };
}

/** Runs vitest, shows its own report, and ends with `N passed, N failed`. Returns the exit code. */
export async function runTests(args, { python, chromium, promtool, wasmOnly }) {
  const folder = mkdtempSync(join(tmpdir(), "tributary-tests-"));
  const file = join(folder, "report.json");
  const env = {
    ...process.env,
    ...(python && { TRIBUTARY_TEST_PYTHON: python }),
    ...(chromium && { TRIBUTARY_TEST_CHROMIUM: chromium }),
    ...(promtool && { TRIBUTARY_TEST_PROMTOOL: promtool }),
    ...(wasmOnly && { TRIBUTARY_ENGINE: "wasm" }),
  };
  const { flags, place } = placeFor(folder);
  const vitest = [
    ...flags,
    join(place, "node_modules/vitest/vitest.mjs"),
    "run",
    `--root=${place}`,
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${file}`,
    ...args,
  ];
  const child = spawn(process.execPath, vitest, { cwd: root, env, stdio: "inherit" });
  const exitCode = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
  const report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
  rmSync(folder, { recursive: true, force: true });
  const { line, failed } = tally(report, exitCode);
  process.stdout.write(`${line}\n`);
  return failed > 0 ? 1 : exitCode;
}
