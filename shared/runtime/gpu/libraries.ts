// The libraries that TensorFlow's library for GPUs asks the loader for. One that is missing, and it computes on the CPU
// without a word. infra/cuda/wheels.mjs says what brings each; a test compares the two.

/** In an order in which none needs a later one. */
export const cudaLibraries = [
  "libcudart.so.12",
  "libnvJitLink.so.12",
  "libcublasLt.so.12",
  "libcublas.so.12",
  "libcufft.so.11",
  "libcusparse.so.12",
  "libcusolver.so.11",
  "libcudnn.so.9",
] as const;

/** The driver's own, which no wheel brings. */
export const DRIVER = "libcuda.so.1";
