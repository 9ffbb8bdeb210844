// The program as it runs: services/ and shared/ bundled into JavaScript, anew when a file of them has changed.
// tributary.mjs and the first file of a thread ask for its modules. A build is named by what its sources say, and found
// by a link named by their times and sizes: reading them all at each start would take longer than the start may. Where
// a copy of the checkout has other times (an image's layer, a backup) and may not be written, the sources are read.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { keyOf, root } from "./setup/cache.mjs";
import { openToAll } from "./setup/open.mjs";

const builds = join(root, "node_modules", ".tributary", "program");
/** Running processes load what they need later from the build that they began with. */
const kept = 10;
/** Packages of many small files, read with the bundle in a fraction of the time. The others stay where they are. */
const inlined = ["@tensorflow/tfjs-core", "@tensorflow/tfjs-node-gpu", "fastify", "pino", "prom-client", "ws", "zod"];
/**
 * Libraries that one of those loads only for what we never ask of it: JSON schemas (shared/http/http.ts), models from
 * the web.
 */
const leftOut = ["@fastify/ajv-compiler", "@fastify/fast-json-stringify-compiler", "node-fetch"];
/** What packages that are CommonJS ask for. */
const banner =
  'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);';

/** URL of the built module of a source file, given as URL. */
export async function built(source) {
  return pathToFileURL(join((await buildProgram()).folder, `${placed(fileURLToPath(source)).out}.js`)).href;
}

/**
 * Where a source's module lies in the build: told to esbuild, which would find another place below a folder with a
 * colon.
 */
const placed = (path) => ({ in: path, out: relative(root, path).replace(/\.ts$/, "") });

/** Builds what is not there yet. The folder appears whole, by rename, whoever else builds at the same time. */
export async function buildProgram() {
  const sources = ["services", "shared"].flatMap((name) => sourcesBelow(join(root, name)));
  const recipe = [fileURLToPath(import.meta.url), join(root, "package-lock.json")];
  const states = [...sources, ...recipe].map((path) => {
    const { mtimeMs, size } = statSync(path);
    return `${path} ${mtimeMs} ${size}`;
  });
  const link = join(builds, `at-${keyOf([root, ...states])}`);
  if (existsSync(link)) return { folder: join(builds, readlinkSync(link)), isNew: false };
  const target = join(builds, keyOf([root], [...sources, ...recipe]));
  const isNew = !existsSync(target);
  if (isNew) await bundle(sources, target);
  remember(target, link);
  return { folder: target, isNew };
}

async function bundle(sources, target) {
  const { build } = await import("esbuild");
  mkdirSync(builds, { recursive: true });
  const work = mkdtempSync(`${builds}/.`);
  try {
    await build({
      entryPoints: sources.filter((path) => /\/(cli|[a-z-]*thread)\.ts$/.test(path)).map(placed),
      outdir: work,
      external: leftOut,
      chunkNames: "chunks/[name]-[hash]",
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
      target: "node20",
      banner: { js: banner },
      sourcemap: true,
      sourcesContent: false,
      logLevel: "silent",
      plugins: [{ name: "in-place", setup: inPlace }],
    });
    openToAll(work); // a folder made by mkdtemp is its owner's alone
    removeOld();
    renameSync(work, target);
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    if (!existsSync(target)) throw error; // else another process was first
  }
}

/** So that the next start need not read the sources. Whoever may not write here reads them each time. */
function remember(target, link) {
  const fresh = `${link}.${process.pid}`;
  try {
    rmSync(fresh, { force: true });
    symlinkSync(basename(target), fresh);
    renameSync(fresh, link);
  } catch (error) {
    if (!["EACCES", "EPERM", "EROFS", "ENOSPC", "ENOENT"].includes(error.code)) throw error;
  }
}

/**
 * Packages are found from the build as from the source; a file that asks for its own place is told its source's, beside
 * which it finds others.
 */
function inPlace(build) {
  build.onResolve({ filter: /^[^./]/ }, ({ path, importer, kind }) => {
    const isOurs = importer.startsWith(join(root, "services")) || importer.startsWith(join(root, "shared"));
    const isInlined = inlined.some((name) => path === name || path.startsWith(`${name}/`));
    return kind !== "entry-point" && isOurs && !isInlined ? { path, external: true } : undefined;
  });
  // Of all that this package unites, tfjs-node-gpu's kernels use the core alone.
  build.onResolve({ filter: /^@tensorflow\/tfjs$/ }, ({ resolveDir, kind }) =>
    build.resolve("@tensorflow/tfjs-core", { resolveDir, kind }),
  );
  build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
    const text = await readFile(path, "utf8");
    return { loader: "ts", contents: text.replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path).href)) };
  });
}

function removeOld() {
  const entries = readdirSync(builds).map((name) => ({ path: join(builds, name), ...kindOf(join(builds, name)) }));
  const folders = entries.filter(({ isLink }) => !isLink).sort((a, b) => b.at - a.at);
  for (const { path } of folders.slice(kept)) rmSync(path, { recursive: true, force: true });
  for (const { path } of entries.filter(({ isLink }) => isLink)) if (!existsSync(path)) rmSync(path, { force: true });
}

function kindOf(path) {
  const entry = lstatSync(path, { throwIfNoEntry: false }); // gone: another build removes as well
  return { isLink: entry?.isSymbolicLink() ?? false, at: entry?.mtimeMs ?? 0 };
}

/** Without what is built for itself: the page and the kernels. */
function sourcesBelow(path) {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const below = join(path, entry.name);
    if (entry.isDirectory()) return ["dist", "page", "assembly"].includes(entry.name) ? [] : sourcesBelow(below);
    return entry.name.endsWith(".ts") ? [below] : [];
  });
}
