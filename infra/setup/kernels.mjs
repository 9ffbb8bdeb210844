// The kernels of server and trainers (shared/compute/kernels/assembly), compiled to WebAssembly when their source
// changed.
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { keyOf, root } from "./cache.mjs";
import { execute } from "./execute.mjs";
import { readStamp, writeStamp } from "./stamp.mjs";
import { alreadyThere, SetupError } from "./steps.mjs";

const flags = ["-O3", "--enable", "simd", "--enable", "threads", "--importMemory", "--sharedMemory"];
// pages, as shared/compute/kernels/memory.ts has them
const memory = ["--initialMemory", "1", "--maximumMemory", "65536"];
const bare = ["--runtime", "stub", "--noAssert"];

export async function buildKernels() {
  const folder = join(root, "shared", "compute", "kernels");
  const out = join(folder, "dist", "kernels.wasm");
  const key = keyOf([...flags, ...memory], [join(folder, "assembly"), join(root, "package-lock.json")]);
  if (readStamp("kernels") === key && existsSync(out)) return alreadyThere;
  mkdirSync(join(folder, "dist"), { recursive: true });
  const compiler = join(root, "node_modules/assemblyscript/bin/asc.js");
  try {
    await execute(
      process.execPath,
      [compiler, join(folder, "assembly/index.ts"), "-o", out, ...flags, ...memory, ...bare],
      { cwd: root },
    );
  } catch (error) {
    throw new SetupError("SETUP_FAILED", `kernels: ${error.message}`, 1);
  }
  writeStamp("kernels", key);
}
