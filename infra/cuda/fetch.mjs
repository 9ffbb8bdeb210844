// Brings the CUDA libraries that a machine with a GPU lacks: wheels, each an entry of the user's cache, placed below
// node_modules/.tributary/cuda, where shared/runtime/gpu/machine.ts looks for them. Without them the CPU computes, and
// says so.
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, keyOf, publish, root, workFolderFor } from "../setup/cache.mjs";
import { place } from "../setup/place.mjs";
import { readStamp, removeStamp, writeStamp } from "../setup/stamp.mjs";
import { alreadyThere, leftOut } from "../setup/steps.mjs";
import { fetchWheel, requirementOf, unpackWheel } from "../setup/wheel.mjs";
import { wantsGpu } from "./gpu.mjs";
import { cudaWheels, foundByLoader, lackingOf, sizeOf } from "./wheels.mjs";

const FAILED = "cuda-failed";
const PLATFORM = "manylinux2014_x86_64";
/** Of a wheel, what is not needed to run: headers, the compiler. */
const NOT_TO_RUN = "^(?!lib/|bin/(ptxas|nvlink)$|nvvm/libdevice/)";

/** Side by side, as in the wheels: each finds its neighbours by `$ORIGIN/../../nvjitlink/lib`. */
const set = keyOf(cudaWheels.map(({ wheel }) => requirementOf(wheel)));
const entryOf = ({ folder }) => join(cacheFolder, "cuda", set, folder);

/**
 * What is lacking, and of that what is to be downloaded. Nothing where TensorFlow's library is the one for CPUs. A
 * download that failed is costly to try again: `npm start` does not (`retry`).
 */
export function planCuda({ unable }, { retry }) {
  const isWanted = process.platform === "linux" && process.arch === "x64" && unable === undefined && wantsGpu();
  const lacking = isWanted ? lackingOf(foundByLoader()) : [];
  const absent = lacking.filter((each) => !existsSync(entryOf(each)));
  const [failedSet, ...reason] = (readStamp(FAILED) ?? "").split("\n");
  if (!retry && absent.length > 0 && failedSet === set) return { lacking, toFetch: [], failed: reason.join("\n") };
  return { lacking, toFetch: absent, size: absent.length === 0 ? undefined : sizeOf(absent), failed: undefined };
}

export async function fetchCuda(plan) {
  for (const each of plan.toFetch) {
    const target = entryOf(each);
    const work = workFolderFor(target);
    try {
      const wheel = await fetchWheel(each.wheel, work, PLATFORM);
      await unpackWheel(wheel, work, `nvidia/${each.folder}`, NOT_TO_RUN);
      rmSync(join(work, `wheel-${each.wheel}`), { recursive: true });
      publish(work, target);
    } catch (error) {
      rmSync(work, { recursive: true, force: true });
      plan.failed = error.message;
      break;
    }
  }
  if (plan.failed !== undefined)
    return leftOut(`the CPU is used instead: ${plan.failed}\n  \`npm run setup\` tries again.`);
  return plan.toFetch.length === 0 ? alreadyThere : undefined;
}

/** Comes after the npm packages are in place: their installation would wipe it away. */
export function placeCuda({ lacking, failed }) {
  const all = join(root, "node_modules", ".tributary", "cuda");
  for (const each of cudaWheels) {
    const at = join(all, each.folder);
    if (lacking.includes(each)) place(`cuda-${each.folder}`, entryOf(each), at);
    else rmSync(at, { recursive: true, force: true });
  }
  if (failed === undefined) removeStamp(FAILED);
  else writeStamp(FAILED, `${set}\n${failed}`);
}
