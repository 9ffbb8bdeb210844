// Compiles tfjs-node-gpu's binding beside TensorFlow's library, by the compiler itself: its two files need no make, no
// node-gyp and no headers from the network. All paths are relative to the folder: a compiler's flags know no quoting.
import { mkdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { execute } from "../setup/execute.mjs";
import { fetchWheel, runs, unpackWheel } from "../setup/wheel.mjs";

const flags = ["-c", "-O3", "-fPIC", "-fno-rtti", "-fno-exceptions"];
const linked = ["-ltensorflow", "-ltensorflow_framework"];
/** Of zig's wheel: headers of other systems and what is never compiled here are 16,000 files. */
const NO_HEADERS =
  "^lib/(?!include/|libcxx/|libcxxabi/include/|libc/(glibc|include)/|std/std\\.zig$)" +
  "|^lib/libc/include/(?!any-linux|generic-glibc|x86(_64)?-linux)";

export const hasCompiler = () => runs("g++", ["--version"]);

/** The wheel's compiler in `work`, where there is no g++. */
export async function fetchCompiler(work) {
  const wheel = await fetchWheel("ziglang", work, "manylinux_2_12_x86_64");
  await unpackWheel(wheel, join(work, "zig"), "ziglang", NO_HEADERS);
}

/** From `binding/` and `deps/` of the folder to its `lib/`. */
export async function compileBinding(work) {
  const { include_dir: nodeHeaders } = (await import("node-api-headers")).default;
  const sources = ["-std=gnu++17", "-DNAPI_VERSION=8", "-I.", "-Ideps/include", `-I${relative(work, nodeHeaders)}`];
  const out = "lib/napi-v8/tfjs_binding.node";
  mkdirSync(join(work, "lib", "napi-v8"), { recursive: true });
  mkdirSync(join(work, "objects"));
  const binding = ["backend", "binding"].map((name) => [
    ...sources,
    `binding/tfjs_${name}.cc`,
    "-o",
    `objects/${name}.o`,
  ]);
  const compile = (program, given, env) => Promise.all(given.map((args) => execute(program, args, { cwd: work, env })));
  if (hasCompiler()) {
    const library = ["-Ldeps/lib", ...linked, "-Wl,-rpath,$ORIGIN/../../deps/lib"];
    await compile(
      "g++",
      binding.map((args) => [...flags, ...args]),
    );
    await execute("g++", ["-shared", "objects/backend.o", "objects/binding.o", ...library, "-o", out], { cwd: work });
  } else await compileByZig(work, compile, binding, out);
  rmSync(join(work, "objects"), { recursive: true });
}

/**
 * Zig builds the whole of a C++ library and of a C start-up before it links, two minutes for the three small files that
 * the binding needs: these are compiled alone and linked by the linker itself. What else is missing (`operator new`,
 * the C library) TensorFlow's library and Node have loaded.
 */
async function compileByZig(work, compile, binding, out) {
  const zig = join(work, "zig", "zig");
  const env = { ZIG_GLOBAL_CACHE_DIR: join(work, "zig-cache"), ZIG_LOCAL_CACHE_DIR: join(work, "zig-cache") };
  const target = ["c++", "-target", "x86_64-linux-gnu.2.27", ...flags];
  const library = [
    "-std=c++23",
    "-D_LIBCPP_BUILDING_LIBRARY",
    "-DLIBCXX_BUILDING_LIBCXXABI",
    "-Izig/lib/libcxx/src",
    "-Izig/lib/libcxxabi/include",
  ];
  const files = ["string", "hash", "verbose_abort"].map((name) => [
    ...library,
    `zig/lib/libcxx/src/${name}.cpp`,
    "-o",
    `objects/${name}.o`,
  ]);
  const objects = ["backend", "binding", "string", "hash", "verbose_abort"].map((name) => `objects/${name}.o`);
  await compile(
    zig,
    [...binding, ...files].map((args) => [...target, ...args]),
    env,
  );
  const link = [
    "ld.lld",
    "-shared",
    ...objects,
    "-Ldeps/lib",
    ...linked,
    "-rpath",
    "$ORIGIN/../../deps/lib",
    "--defsym=__dso_handle=0",
    "-o",
    out,
  ];
  await execute(zig, link, { cwd: work, env });
  for (const name of ["zig", "zig-cache", "wheel-ziglang"]) rmSync(join(work, name), { recursive: true, force: true });
}
