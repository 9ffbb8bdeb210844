// Builds the TensorFlow engine once for this user: the library from the TensorFlow wheel, the binding compiled from
// @tensorflow/tfjs-node-gpu. Where that cannot be done the wasm engine is used: said aloud with the reason, and tried
// again by the next set-up.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { wantsGpu } from "../cuda/gpu.mjs";
import { cacheFolder, keyOf, publish, root, workFolderFor } from "../setup/cache.mjs";
import { execute } from "../setup/execute.mjs";
import { place } from "../setup/place.mjs";
import { readStamp, removeStamp, writeStamp } from "../setup/stamp.mjs";
import { alreadyThere, leftOut } from "../setup/steps.mjs";
import { fetchWheel, hasPip, requirementOf } from "../setup/wheel.mjs";
import { compileBinding, fetchCompiler, hasCompiler } from "./compile.mjs";

const PLATFORM = "manylinux_2_27_x86_64";
const modules = join(root, "node_modules");
const binding = join(modules, "@tensorflow", "tfjs-node-gpu");

/** What is to be done, decided before anything is downloaded. `unable` says why the engine cannot be built here. */
export function planEngine({ retry }) {
  const wheel = wantsGpu() ? "tensorflow" : "tensorflow-cpu";
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const version = packages["node_modules/@tensorflow/tfjs-node-gpu"].version;
  const recipe = keyOf([version, requirementOf(wheel)], [join(root, "infra", "engine")]);
  const key = `${recipe}-${process.platform}-${process.arch}-abi${process.versions.modules}`;
  const plan = {
    wheel,
    key,
    target: join(cacheFolder, "engine", key),
    work: undefined,
    unable: undefined,
    failed: false,
  };
  if (existsSync(plan.target)) return plan;
  // A build that failed is costly to try again, a missing compiler is quick to notice: `npm start` repeats only the
  // second.
  const [failedKey, ...reason] = (readStamp("engine-failed") ?? "").split("\n");
  if (!retry && failedKey === key) return { ...plan, unable: reason.join("\n") };
  return { ...plan, unable: whyNot() };
}

function whyNot() {
  if (process.platform !== "linux" || process.arch !== "x64")
    return `it is built on Linux x64 only, this is ${process.platform} ${process.arch}`;
  const glibc = process.report.getReport().header.glibcVersionRuntime;
  if (!glibc || Number(glibc.split(".")[1]) < 27)
    return `it needs glibc 2.27, this system has ${glibc ?? "another C library"}`;
  return hasPip() ? undefined : "Python 3 with pip is missing, which brings TensorFlow's library";
}

/** The library and its headers, into a work folder. Needs no npm package, so it runs beside their installation. */
export async function fetchLibrary(plan) {
  if (existsSync(plan.target)) return alreadyThere;
  if (plan.unable) return leftOut("left out");
  const work = workFolderFor(plan.target);
  try {
    const compiler = hasCompiler() ? undefined : fetchCompiler(work);
    compiler?.catch(() => {}); // told below
    const wheel = await fetchWheel(plan.wheel, work, PLATFORM);
    await execute("python3", [join(root, "infra", "engine", "unpack.py"), wheel, join(work, "deps")]);
    rmSync(wheel);
    await compiler;
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
    await compileBinding(work);
    await tryOut(work);
    for (const name of readdirSync(work))
      if (name !== "deps" && name !== "lib") rmSync(join(work, name), { recursive: true });
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
  const program =
    `const tf = require(${JSON.stringify(folder)}); process.stdout.write(tf.getBackend() + " " + ` +
    "tf.matMul([[1, 2]], [[3], [4]]).dataSync()[0])";
  symlinkSync(modules, join(folder, "node_modules")); // NODE_PATH could not name a checkout below a folder with a colon
  const env = { TF_CPP_MIN_LOG_LEVEL: "2", NODE_OPTIONS: "" };
  // gone from Node 23
  const restore = "const util = require('node:util'); util.isNullOrUndefined ??= (value) => value == null;";
  const output = await execute(process.execPath, ["-e", `${restore} ${program}`], { env });
  if (!output.includes("tensorflow 11"))
    throw new Error(`the binding was built but does not compute: ${output.trim()}`);
}

/** Brings the cache's entry into the package's folders. The stamp tells a trainer that finds a GPU what lies there. */
export function linkEngine(plan) {
  if (existsSync(plan.target)) writeStamp("engine-wheel", plan.wheel);
  else removeStamp("engine-wheel");
  for (const name of ["deps", "lib"]) place(name, join(plan.target, name), join(binding, name));
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
  return leftOut(
    `the wasm engine is used instead, about 6 times slower: ${plan.unable}\n  \`npm run setup\` tries again.`,
  );
}
