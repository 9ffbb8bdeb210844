// Whether this machine's GPUs are computed on, which of them, or why not and what to do about it. Pure.
import { AppError } from "../../errors/errors.ts";
import { setting } from "../command.ts";
import { type Card, cardsIn, driverIn, type Facts, labelOf, unnamed } from "./facts.ts";
import { DRIVER } from "./libraries.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A card that may be used, and how CUDA_VISIBLE_DEVICES calls it. */
export interface Visible extends Card {
  readonly entry: string;
}

export type Verdict =
  /** There is none, or nobody wants it. */
  | { readonly type: "none" | "unwanted" }
  /** `mayPass`: others hold its memory now, so who starts later looks again. */
  | { readonly type: "unusable"; readonly problem: string; readonly mayPass?: true }
  /** At least one card. `problem`: why another one is left out. */
  | { readonly type: "usable"; readonly cards: readonly Visible[]; readonly problem?: string };

/** CUDA 12 runs on drivers from this one on. */
const OLDEST_DRIVER = "525.60";
/** CUDA's own context takes half of it. */
const LEAST_MIB = 1024;

/** `1`: one is expected; `0`: none is wanted; undefined: what is there. Throws USAGE. */
function wishIn(env: Environment): "0" | "1" | undefined {
  const text = setting(env, "TRIBUTARY_GPU")?.trim();
  if (text === undefined || text === "0" || text === "1") return text;
  throw new AppError("USAGE", { what: `TRIBUTARY_GPU "${text}": give 0 (the CPU) or 1 (a GPU), or leave it out` });
}

interface Asked {
  readonly built: "cpu" | "gpu" | undefined;
  lacking(): readonly string[];
  holders(cards: readonly Card[]): readonly string[];
}

/**
 * `lacking`: libraries that cannot be loaded, asked for only where all else is well. `built`: what TensorFlow's library
 * was set up for, where that is known. `holders`: of the memory of a card, in words, as far as it is told.
 */
export function judge(facts: Facts, env: Environment, { built, lacking, holders }: Asked): Verdict {
  const wish = wishIn(env);
  if (wish === "0") return { type: "unwanted" };
  const all = cardsIn(facts);
  if (all.length === 0) return wish === "1" ? onCpu("TRIBUTARY_GPU is 1, and no GPU is seen here") : { type: "none" };
  const list = env.CUDA_VISIBLE_DEVICES;
  if (list !== undefined && hidesAll(list)) return { type: "unwanted" };
  const cards = visibleOf(all, list, env.CUDA_DEVICE_ORDER);
  if (cards.length === 0) return onCpu(`CUDA_VISIBLE_DEVICES "${list}" names none of ${all.map(labelOf).join(", ")}`);
  const unusable = (why: string) => onCpu(notUsed(cards, why));

  if (built === "cpu")
    return unusable("TensorFlow's library here is the one for CPUs; `npm run setup` brings the one for GPUs");
  const why = whyNoDriver(facts) ?? whyNotLoaded(lacking());
  if (why !== undefined) return unusable(why);
  const full = cards.filter(({ freeMib }) => freeMib !== undefined && freeMib < LEAST_MIB);
  if (full.length === 0) return { type: "usable", cards };
  const problem = notUsed(full, whyFull(full, holders(full)));
  if (full.length === cards.length) return { ...onCpu(problem), mayPass: true };
  return { type: "usable", cards: cards.filter((card) => !full.includes(card)), problem: `${problem}; others are` };
}

const onCpu = (problem: string) => ({ type: "unusable", problem: `${problem}; the CPU computes` }) as const;

const notUsed = (cards: readonly Card[], why: string) =>
  `${cards.map(labelOf).join(", ")} ${cards.length === 1 ? "is" : "are"} not used: ${why}`;

const whyFull = (cards: readonly Card[], holders: readonly string[]) =>
  `${cards.map(({ freeMib }) => freeMib).join(" and ")} MiB of memory are free where ${LEAST_MIB} are needed; ` +
  (holders.length > 0 ? `held by ${holders.join(", ")}` : "`nvidia-smi` shows which process holds the rest");

function whyNoDriver(facts: Facts): string | undefined {
  const { devices, information, smi } = facts;
  if (smi && !smi.isGood && /mismatch/i.test(smi.text))
    return "the driver was upgraded while it ran (nvidia-smi: driver/library version mismatch); restart the machine";
  const hasFile = devices.some((name) => /^nvidia\d+$/.test(name));
  if (!hasFile && !smi?.isGood && information.length > 0)
    return (
      "the driver knows it, and there is no file /dev/nvidia0; give the container the card " +
      "(`docker run --gpus all`), or run `nvidia-modprobe -u -c 0`"
    );
  const driver = driverIn(facts);
  if (driver !== undefined && isOlder(driver, OLDEST_DRIVER))
    return `the driver ${driver} is too old for CUDA 12; install ${OLDEST_DRIVER} or newer`;
  return undefined;
}

function whyNotLoaded(missing: readonly string[]): string | undefined {
  if (missing.includes(DRIVER))
    return (
      `the driver's library ${DRIVER} cannot be loaded; install the NVIDIA driver, or start the container with ` +
      "NVIDIA's runtime (`docker run --gpus all`)"
    );
  const [are, them] = missing.length === 1 ? ["is", "it"] : ["are", "them"];
  return missing.length === 0
    ? undefined
    : `${missing.join(", ")} ${are} missing or of another version; \`npm run setup\` brings ${them}`;
}

function isOlder(version: string, other: string): boolean {
  const [a, b] = [version, other].map((text) => text.split(".").map(Number)) as [number[], number[]];
  const at = b.findIndex((part, k) => (a[k] ?? 0) !== part);
  return at >= 0 && (a[at] ?? 0) < b[at]!;
}

const hidesAll = (list: string) => /^\s*(-\d+.*|none|void|NoDevFiles)?\s*$/i.test(list);

/**
 * By CUDA's rules: numbers and beginnings of UUIDs, up to the first that names no card. Without a list all of them. Of
 * cards that differ CUDA counts the fastest first, unless it is told otherwise: which one a number means is not known.
 */
function visibleOf(cards: readonly Card[], list: string | undefined, order: string | undefined): Visible[] {
  if (list === undefined) return cards.map((card) => ({ ...card, entry: String(card.index) }));
  const isSure = order === "PCI_BUS_ID" || new Set(cards.map(({ name }) => name)).size === 1;
  const visible: Visible[] = [];
  for (const entry of list.split(",").map((each) => each.trim())) {
    const byNumber = cards.find(({ index }) => entry === String(index));
    const card = byNumber ? { ...byNumber, ...(isSure ? {} : unnamed) } : byName(cards, entry);
    if (!card) break;
    visible.push({ ...card, entry });
  }
  return visible;
}

function byName(cards: readonly Card[], entry: string): Card | undefined {
  if (/^MIG-\w/.test(entry)) return { ...unnamed, index: 0, name: entry }; // nvidia-smi lists whole cards alone
  if (!/^GPU-\w/.test(entry)) return undefined;
  return cards.find(({ uuid }) => uuid?.startsWith(entry)) ?? cards.find(({ uuid }) => uuid === undefined);
}
