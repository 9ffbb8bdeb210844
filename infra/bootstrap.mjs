// From a fresh clone to a running Tributary: sets up what is missing, each step with its time, then starts `up` or the
// tests. Plain Node, no packages.
//   node infra/bootstrap.mjs                set-up alone (npm run setup)
//   node infra/bootstrap.mjs packages       npm packages alone
//   node infra/bootstrap.mjs up ...flags    set-up, then `tributary up` (npm start)
//   node infra/bootstrap.mjs test ...flags  set-up, then vitest (npm test)
import { fetchCuda, placeCuda, planCuda } from "./cuda/fetch.mjs";
import { buildEngine, fetchLibrary, linkEngine, planEngine } from "./engine/build.mjs";
import { fetchKafka, placeKafka } from "./kafka/fetch.mjs";
import { fetchJava, placeJava, planJava } from "./kafka/java.mjs";
import { buildProgram } from "./program.mjs";
import { becomeParentOf } from "./setup/child.mjs";
import { endWhenInterrupted } from "./setup/interrupt.mjs";
import { buildKernels } from "./setup/kernels.mjs";
import { withLock } from "./setup/lock.mjs";
import { assertWritable, isAnothers, openSources } from "./setup/owner.mjs";
import { checkNode, installPackages } from "./setup/packages.mjs";
import { buildPage } from "./setup/page.mjs";
import { alreadyThere, SetupError, Steps } from "./setup/steps.mjs";
import { findChromium, findPromtool, installReaders, runTests } from "./setup/tests.mjs";

const [mode = "setup", ...args] = process.argv.slice(2);

try {
  if (!["setup", "packages", "up", "test"].includes(mode))
    throw new SetupError("USAGE", `no mode "${mode}": setup, packages, up or test`, 2);
  checkNode(process.versions.node);
  const giveBack = endWhenInterrupted();
  const needs = await open(() => setUp(mode));
  const running = mode === "up" ? becomeParentOf(["up", ...args]) : undefined;
  giveBack(); // only now that somebody else hears the signals: between the two they would end this process alone
  await running;
  if (mode === "test") process.exitCode = await runTests(args, needs);
} catch (error) {
  process.stderr.write(
    error instanceof SetupError ? `${error.code}: ${error.message}\n` : `INTERNAL: ${error.stack}\n`,
  );
  process.exitCode = error instanceof SetupError ? error.exit : 1;
}

/**
 * What is made here can be read by all, whatever the umask, which is the started program's again. A checkout of
 * somebody else is taken as it is.
 */
async function open(body) {
  if (mode === "up" && isAnothers()) return;
  assertWritable();
  const umask = process.umask(0o022);
  try {
    return await withLock(async () => {
      const needs = await body();
      openSources();
      return needs;
    });
  } finally {
    process.umask(umask);
  }
}

async function setUp(mode) {
  const steps = new Steps(process.stderr);
  if (mode === "packages") return steps.all([steps.run("npm packages", installPackages)]);
  const named = [process.env.KAFKA_BROKERS, process.env.KAFKA_BOOTSTRAP_SERVERS, process.env.TRIBUTARY_KAFKA_CONFIG];
  const local = !named.some(Boolean) && !args.some((arg) => arg.startsWith("--kafka-config"));
  const java = local ? planJava() : { toFetch: false }; // before anything is downloaded

  const plan = planEngine({ retry: mode !== "up" });
  const cuda = planCuda(plan, { retry: mode !== "up" });
  if (cuda.size !== undefined)
    steps.tell(`CUDA libraries that this machine lacks: ${cuda.size} to download; TRIBUTARY_GPU=0 leaves them out`);
  const packages = steps.run("npm packages", installPackages);
  const library = steps.run("TensorFlow library", () => fetchLibrary(plan));
  const engine = Promise.all([packages, library]).then(() =>
    steps.run("TensorFlow engine", async () => {
      const built = await buildEngine(plan);
      linkEngine(plan);
      return built;
    }),
  );
  const cudaLibraries = cuda.lacking.length > 0 ? steps.run("CUDA libraries", () => fetchCuda(cuda)) : undefined;
  const placed = Promise.all([packages, cudaLibraries]).then(() => placeCuda(cuda));
  const page = packages.then(() => steps.run("dashboard page", buildPage));
  const kernels = packages.then(() => steps.run("kernels", buildKernels));
  const program = packages.then(() =>
    steps.run("program", async () => ((await buildProgram()).isNew ? undefined : alreadyThere)),
  );
  const kafka = local
    ? [
        steps.run("Apache Kafka", () => fetchKafka(packages)).then(() => packages.then(placeKafka)),
        ...(java.toFetch ? [steps.run("Java", fetchJava).then(() => packages.then(placeJava))] : []),
      ]
    : [steps.run("Apache Kafka", () => "not needed: another Kafka is named")];
  const forTests = { "Python readers": installReaders, chromium: findChromium, promtool: findPromtool };
  const tests = mode === "test" ? Object.entries(forTests).map(([name, find]) => steps.run(name, find)) : [];
  await steps.all([packages, library, engine, placed, page, kernels, program, ...kafka, ...tests]);
  return {
    python: await tests[0],
    chromium: await tests[1],
    promtool: await tests[2],
    wasmOnly: plan.unable !== undefined,
  };
}
