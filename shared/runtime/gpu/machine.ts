// Asks this machine for its GPUs, once a process, and says once what is wrong with them. The thin edge below facts.ts,
// verdict.ts and turns.ts.
import { execFile, execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { AppError } from "../../errors/errors.ts";
import { CPU, type Facts, holdersIn, holdersQuery, labelOf, query, usedIn, usedQuery } from "./facts.ts";
import { cudaLibraries, DRIVER } from "./libraries.ts";
import { environmentHere, freest } from "./turns.ts";
import { judge, type Verdict } from "./verdict.ts";

/** What the set-up has brought into this checkout: CUDA's libraries that the machine lacks, and its stamps. */
const brought = fileURLToPath(new URL("../../../node_modules/.tributary", import.meta.url));
/** Where nvidia-smi lies where it is not on the path: on machines of Google's, in WSL. */
const besidePath = ["/usr/local/nvidia/bin", "/usr/lib/wsl/lib"];
const SMI_MS = 10_000;

let verdict: Verdict | undefined;
let lookedAt = 0;
/** A verdict that may pass stands for so long: services are started one after the other. */
const STANDS_MS = 5_000;

/**
 * The verdict on this machine; a problem goes to stderr. Where there is no GPU that is a look into three folders; where
 * others hold a GPU's memory it is looked at again, and not told again. Throws USAGE.
 */
export function gpus(): Verdict {
  const isPassing = verdict?.type === "unusable" && verdict.mayPass === true;
  if (verdict && !(isPassing && performance.now() - lookedAt > STANDS_MS)) return verdict;
  const path = process.env.PATH ?? "";
  verdict = judge(look("/", path), process.env, {
    built: builtFor(),
    lacking,
    holders: (cards) => holdersIn(ask(path, holdersQuery)?.text ?? "", cards),
  });
  lookedAt = performance.now();
  const isKnown = verdict.type === "unusable" && verdict.mayPass && (isPassing || process.env.TRIBUTARY_GPU_TOLD);
  if ("problem" in verdict && verdict.problem !== undefined && !isKnown) warn(verdict.problem);
  return verdict;
}

/**
 * Makes this process compute on the GPU that is its own, before TensorFlow's library is loaded. What it answers is
 * asked afterwards: the device by its name, for who knows whether TensorFlow has taken it.
 */
export function takeGpu(): { readonly hoped: string; computesOn(isGpu: boolean): string } {
  const found = gpus();
  const hoped = found.type === "usable" ? labelOf(freest(found.cards)) : CPU;
  Object.assign(process.env, environmentHere(found, process.env));
  if (found.type === "usable") giveXlaItsFolder();
  return {
    hoped,
    computesOn(isGpu) {
      if (isGpu) return hoped === CPU ? "GPU" : hoped;
      if (found.type === "usable" && !process.env.TRIBUTARY_GPU_TOLD)
        warn(
          `${hoped} is not used: TensorFlow does not see it; TF_CPP_MIN_LOG_LEVEL=0 lets it say why; the CPU computes`,
        );
      return CPU;
    },
  };
}

export function warn(problem: string): void {
  process.stderr.write(`${new AppError("GPU_UNUSED", { what: problem }).message}\n`);
}

/** `root`: where /dev and /proc lie; `path`: folders of programs. */
export function look(root: string, path: string): Facts {
  const cards = join(root, "proc", "driver", "nvidia", "gpus");
  return {
    devices: namesIn(join(root, "dev")),
    information: namesIn(cards).flatMap((name) => textOf(join(cards, name, "information")) ?? []),
    version: textOf(join(root, "proc", "driver", "nvidia", "version")),
    smi: ask(path, query),
  };
}

/** MiB of each card that are taken now; nothing where nobody tells it. */
export async function usedMib(): Promise<number[]> {
  const program = smiOn(process.env.PATH ?? "");
  if (program === undefined) return [];
  return new Promise((resolve) => {
    execFile(program, usedQuery, { timeout: SMI_MS }, (error, text) => resolve(error ? [] : usedIn(text)));
  });
}

function smiOn(path: string): string | undefined {
  const folders = [...path.split(delimiter).filter((folder) => folder !== ""), ...besidePath];
  return folders.map((folder) => join(folder, "nvidia-smi")).find((file) => existsSync(file));
}

/** Nvidia-smi, where there is one. */
function ask(path: string, question: readonly string[]): Facts["smi"] {
  const program = smiOn(path);
  if (program === undefined) return undefined;
  try {
    const text = execFileSync(program, question, {
      encoding: "utf8",
      timeout: SMI_MS,
      stdio: ["ignore", "pipe", "pipe"],
    });
    return { isGood: true, text };
  } catch (error) {
    const { stdout, stderr, message } = error as Error & { stdout?: string; stderr?: string };
    return { isGood: false, text: [stdout, stderr, message].filter(Boolean).join("\n") };
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** By the stamp of infra/engine/build.mjs. */
function builtFor(): "cpu" | "gpu" | undefined {
  const wheel = textOf(join(brought, "engine-wheel"));
  return wheel === undefined ? undefined : wheel === "tensorflow" ? "gpu" : "cpu";
}

const lacking = (): string[] => [DRIVER, ...cudaLibraries].filter((library) => !load(library));

/**
 * Lazy, and never taken out again: TensorFlow asks the loader for it by its name, and the loader, which knows no folder
 * of ours, finds what the process has.
 */
const STAYS = 0x1 | 0x1000;

/** Whether the loader finds it, or it was brought and can be loaded. It stays in the process. */
function load(library: string): boolean {
  const folder = join(brought, "cuda");
  const ours = namesIn(folder).map((name) => join(folder, name, "lib", library));
  return [library, ...ours.filter((file) => existsSync(file))].some((file) => {
    try {
      process.dlopen({ exports: {} }, file, STAYS);
      return true;
    } catch (error) {
      // loaded, and no module of Node's, which is all that Node minds
      return (error as Error).message.startsWith("Module did not self-register");
    }
  });
}

/** XLA compiles with what lies there: libdevice, ptxas. A user's own choice stands. */
function giveXlaItsFolder(): void {
  const folder = join(brought, "cuda", "cuda_nvcc");
  const flags = process.env.XLA_FLAGS ?? "";
  if (!existsSync(folder) || flags.includes("xla_gpu_cuda_data_dir")) return;
  process.env.XLA_FLAGS = `${flags} --xla_gpu_cuda_data_dir=${/\s/.test(folder) ? `"${folder}"` : folder}`.trim();
}
