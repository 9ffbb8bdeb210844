// CUDA's libraries that TensorFlow's wheel for GPUs loads, and what brings each where the machine has none. Versions
// and hashes stand in infra/setup/wheels.txt.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

/**
 * `folder`: of the wheel, below `nvidia`. `megabytes`: to download. shared/runtime/gpu/libraries.ts has the same names.
 */
export const cudaWheels = [
  { wheel: "nvidia-cuda-runtime-cu12", folder: "cuda_runtime", megabytes: 0.9, libraries: ["libcudart.so.12"] },
  { wheel: "nvidia-nvjitlink-cu12", folder: "nvjitlink", megabytes: 21.3, libraries: ["libnvJitLink.so.12"] },
  {
    wheel: "nvidia-cublas-cu12",
    folder: "cublas",
    megabytes: 363.3,
    libraries: ["libcublasLt.so.12", "libcublas.so.12"],
  },
  { wheel: "nvidia-cufft-cu12", folder: "cufft", megabytes: 192.5, libraries: ["libcufft.so.11"] },
  { wheel: "nvidia-cusparse-cu12", folder: "cusparse", megabytes: 217.6, libraries: ["libcusparse.so.12"] },
  { wheel: "nvidia-cusolver-cu12", folder: "cusolver", megabytes: 130.3, libraries: ["libcusolver.so.11"] },
  { wheel: "nvidia-cudnn-cu12", folder: "cudnn", megabytes: 577.2, libraries: ["libcudnn.so.9"] },
  // what XLA compiles with
  { wheel: "nvidia-cuda-nvcc-cu12", folder: "cuda_nvcc", megabytes: 22.5, libraries: ["libdevice.10.bc"] },
];

/** `found`: what this machine has of all those names. */
export const lackingOf = (found) =>
  cudaWheels.filter(({ libraries }) => !libraries.every((library) => found.includes(library)));

/** `1.5 GB`, `45 MB`. */
export function sizeOf(wheels) {
  const megabytes = wheels.reduce((sum, each) => sum + each.megabytes, 0);
  return megabytes >= 1000 ? `${(megabytes / 1000).toFixed(1)} GB` : `${Math.ceil(megabytes)} MB`;
}

const LIBDEVICE = "/usr/local/cuda/nvvm/libdevice/libdevice.10.bc";

/** What the loader finds, asked in a process of its own: a library that fails takes nothing with it. */
export function foundByLoader() {
  const program = `
    const found = ${JSON.stringify(cudaWheels.flatMap(({ libraries }) => libraries))}.filter((library) => {
      try { process.dlopen({ exports: {} }, library); return true; }
      catch (error) { return error.message.startsWith("Module did not self-register"); }
    });
    console.log(JSON.stringify(found));`;
  const env = { ...process.env, NODE_OPTIONS: "" };
  const found = JSON.parse(execFileSync(process.execPath, ["-e", program], { encoding: "utf8", env }));
  return existsSync(LIBDEVICE) ? [...found, "libdevice.10.bc"] : found;
}
