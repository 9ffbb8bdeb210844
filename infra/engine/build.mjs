// Builds the TensorFlow engine once for this user: the library from the TensorFlow wheel, the binding compiled from @tensorflow/tfjs-node-gpu.
// Where that cannot be done the wasm engine is used: said aloud with the reason, and tried again by the next set-up.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { cacheFolder, keyOf, publish, root, workFolderFor } from "../setup/cache.mjs";
import { execute } from "../setup/execute.mjs";
import { npm } from "../setup/packages.mjs";
import { readStamp, removeStamp, writeStamp } from "../setup/stamp.mjs";
import { alreadyThere, leftOut } from "../setup/steps.mjs";

const TENSORFLOW = "2.21.0";
const PYTHON = "3.11"; // any one will do: we take C++ libraries and headers from the wheel, no Python
const PLATFORM = "manylinux_2_27_x86_64";
const modules = join(root, "node_modules");
const binding = join(modules, "@tensorflow", "tfjs-node-gpu");

/** What is to be done, decided before anything is downloaded. `unable` says why the engine cannot be built here. */
export function planEngine({ retry }) {
  const wheel = hasNvidiaGpu() ? "tensorflow" : "tensorflow-cpu";
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const version = packages["node_modules/@tensorflow/tfjs-node-gpu"].version;
  const recipe = keyOf([version, wheel, TENSORFLOW], [join(root, "infra", "engine")]);
  const key = `${recipe}-${process.platform}-${process.arch}-abi${process.versions.modules}`;
  const plan = { wheel, key, target: join(cacheFolder, "engine", key), work: undefined, unable: undefined, failed: false };
  if (existsSync(plan.target)) return plan;
  // A build that failed is costly to try again, a missing compiler is quick to notice: `npm start` repeats only the second.
  const [failedKey, ...reason] = (readStamp("engine-failed") ?? "").split("\n");
  if (!retry && failedKey === key) return { ...plan, unable: reason.join("\n") };
  return { ...plan, unable: whyNot() };
}

function whyNot() {
  if (process.platform !== "linux" || process.arch !== "x64")
    return `it is built on Linux x64 only, this is ${process.platform} ${process.arch}`;
  const glibc = process.report.getReport().header.glibcVersionRuntime;
  if (!glibc || Number(glibc.split(".")[1]) < 27) return `it needs glibc 2.27, this system has ${glibc ?? "another C library"}`;
  const missing = [
    ["a C++ compiler (g++)", "g++", ["--version"]],
    ["make", "make", ["--version"]],
    ["Python 3 with pip", "python3", ["-m", "pip", "--version"]],
  ].filter(([, program, args]) => !runs(program, args));
  return missing.length > 0 ? `missing: ${missing.map(([name]) => name).join(", ")}` : undefined;
}

/** The library and its headers, into a work folder. Needs no npm package, so it runs beside their installation. */
export async function fetchLibrary(plan) {
  if (existsSync(plan.target)) return alreadyThere;
  if (plan.unable) return leftOut("left out");
  const work = workFolderFor(plan.target);
  try {
    const only = ["--no-deps", "--only-binary=:all:", "--python-version", PYTHON, "--platform", PLATFORM];
    await execute("python3", [
      "-m",
      "pip",
      "download",
      "--quiet",
      "--disable-pip-version-check",
      ...only,
      "--dest",
      work,
      `${plan.wheel}==${TENSORFLOW}`,
    ]);
    const wheel = join(
      work,
      readdirSync(work).find((name) => name.endsWith(".whl")),
    );
    await execute("python3", [join(root, "infra", "engine", "unpack.py"), wheel, join(work, "deps")]);
    rmSync(wheel);
    plan.work = work;
  } catch (error) {
    return giveUp(plan, work, error);
  }
}

/** Compiles the binding beside the library, tries it, and makes both the cache's entry. */
export async function buildEngine(plan) {
  if (existsSync(plan.target)) return alreadyThere;
  if (plan.unable) return notice(plan);
  const work = plan.work;
  try {
    // In a copy of the package, so that node_modules never holds half an engine.
    for (const name of readdirSync(binding))
      if (name !== "deps" && name !== "lib") cpSync(join(binding, name), join(work, name), { recursive: true });
    const headers = join(dirname(process.execPath), "..");
    const env = {
      PATH: `${join(modules, ".bin")}:${process.env.PATH}`,
      JOBS: String(availableParallelism()),
      ...(existsSync(join(headers, "include/node/node_api.h")) ? { npm_config_nodedir: headers } : {}), // no download of what is here
    };
    await npm(["run", "build-addon-from-source"], { cwd: work, env });
    await tryOut(work);
    for (const name of readdirSync(work)) if (name !== "deps" && name !== "lib") rmSync(join(work, name), { recursive: true });
    rmSync(join(work, "deps", "include"), { recursive: true });
    publish(work, plan.target);
    removeStamp("engine-failed");
  } catch (error) {
    giveUp(plan, work, error);
    return notice(plan);
  }
}

/** One product through the new binding: a library that does not load shows here, not in the first trainer. */
async function tryOut(folder) {
  const program = `const tf = require(${JSON.stringify(folder)}); process.stdout.write(tf.getBackend() + " " + tf.matMul([[1, 2]], [[3], [4]]).dataSync()[0])`;
  const env = { NODE_PATH: modules, TF_CPP_MIN_LOG_LEVEL: "2", NODE_OPTIONS: "" };
  const restore = "const util = require('node:util'); util.isNullOrUndefined ??= (value) => value == null;"; // gone from Node 23
  const output = await execute(process.execPath, ["-e", `${restore} ${program}`], { env });
  if (!output.includes("tensorflow 11")) throw new Error(`the binding was built but does not compute: ${output.trim()}`);
}

/** Points the package's folders at the cache's entry. */
export async function linkEngine(plan) {
  const isThere = existsSync(plan.target);
  for (const name of ["deps", "lib"]) {
    const link = join(binding, name);
    const target = join(plan.target, name);
    const now = lstatSync(link, { throwIfNoEntry: false });
    if (isThere && now?.isSymbolicLink() && readlinkSync(link) === target) continue;
    if (now) rmSync(link, { recursive: true });
    if (isThere) symlinkSync(target, link);
  }
}

function giveUp(plan, work, error) {
  rmSync(work, { recursive: true, force: true });
  plan.unable = error.message;
  plan.failed = true;
  return leftOut("failed");
}

/** Comes after the npm packages are in place: their installation would wipe the stamp away. */
function notice(plan) {
  if (plan.failed) writeStamp("engine-failed", `${plan.key}\n${plan.unable}`);
  return leftOut(`the wasm engine is used instead, about 6 times slower: ${plan.unable}\n  \`npm run setup\` tries again.`);
}

function hasNvidiaGpu() {
  if (process.env.TRIBUTARY_GPU) return process.env.TRIBUTARY_GPU === "1"; // an image is built where its GPU is not
  return process.platform === "linux" && runs("nvidia-smi", ["-L"]);
}

function runs(program, args) {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
