// What a machine shows of its GPUs, and the cards in it. Pure; machine.ts asks, verdict.ts judges.

/** As they were read; what is not there is undefined, or empty. */
export interface Facts {
  /** Names in /dev. */
  readonly devices: readonly string[];
  /** Of each card in /proc/driver/nvidia/gpus: its file `information`. */
  readonly information: readonly string[];
  /** /proc/driver/nvidia/version. */
  readonly version: string | undefined;
  /** What `nvidia-smi` answers to `query`, or why it does not. */
  readonly smi: { readonly isGood: boolean; readonly text: string } | undefined;
}

export interface Card {
  /** As nvidia-smi and CUDA count, in the order of the bus. */
  readonly index: number;
  readonly name: string;
  readonly uuid: string | undefined;
  /** MiB that no process holds; undefined where it is not told. */
  readonly freeMib: number | undefined;
}

/** The name comes last: it may hold commas. */
export const query = ["--query-gpu=index,uuid,memory.free,driver_version,name", "--format=csv,noheader,nounits"];

/**
 * Who is asked, in this order: nvidia-smi, which tells most, comes into a container together with its cards, and is the
 * only one in WSL; the device files, without which CUDA cannot open a card (some sandboxes show these alone), with
 * names by the driver's list in /proc; that list, which is the machine's even where a container was given none. CUDA
 * counts the cards that it may open from 0, whatever their files are called.
 */
export function cardsIn({ devices, information, smi }: Facts): Card[] {
  const listed = smi?.isGood ? smi.text.split("\n").flatMap(cardOf) : [];
  if (listed.length > 0) return listed;
  const known = information.map(cardOfDriver);
  const files = devices.flatMap((name) => /^nvidia(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  const seen = files.map((minor) => known.find(({ index }) => index === minor) ?? { ...unnamed, index: minor });
  return (seen.length > 0 ? seen : known)
    .sort((a, b) => a.index - b.index)
    .map((card, position) => ({ ...card, index: position }));
}

/** MiB of each card that are taken. */
export const usedQuery = ["--query-gpu=memory.used", "--format=csv,noheader,nounits"];

/** Of the cards in their order; one that tells none, as when it is cut into pieces, is left out. */
export const usedIn = (text: string): number[] =>
  text
    .split("\n")
    .flatMap((line) => /^ *(\d+) *$/.exec(line)?.[1] ?? [])
    .map(Number);

/** What holds memory of cards; the name comes last. */
export const holdersQuery = [
  "--query-compute-apps=gpu_uuid,pid,used_memory,process_name",
  "--format=csv,noheader,nounits",
];

/** `process 4242 (python3, 140000 MiB)`, of these cards, the largest first. In a container others are not listed. */
export function holdersIn(text: string, cards: readonly Card[]): string[] {
  const uuids = new Set(cards.map(({ uuid }) => uuid));
  const found = text.split("\n").flatMap((line) => {
    const [, uuid, pid, mib, path] = /^\s*([^,]+), *(\d+), *([^,]*), *(.+?)\s*$/.exec(line) ?? [];
    return pid !== undefined && uuids.has(uuid) ? [{ pid, mib: Number(mib) || 0, name: path!.split("/").at(-1)! }] : [];
  });
  return found
    .sort((a, b) => b.mib - a.mib)
    .slice(0, MOST_HOLDERS)
    .map(({ pid, mib, name }) => `process ${pid} (${name}${mib > 0 ? `, ${mib} MiB` : ""})`);
}

const MOST_HOLDERS = 3;

/** A card of which no more is known. */
export const unnamed = { name: "NVIDIA GPU", uuid: undefined, freeMib: undefined };

function cardOf(line: string): Card[] {
  const [, index, uuid, free, , name] = /^\s*(\d+), *([^,]*), *([^,]*), *([^,]*), *(.+?)\s*$/.exec(line) ?? [];
  if (index === undefined) return [];
  const freeMib = Number(free || Number.NaN); // `[N/A]` where it is cut into pieces (MIG)
  return [{ index: Number(index), name: name!, uuid, freeMib: Number.isFinite(freeMib) ? freeMib : undefined }];
}

/** By its minor number, that of its device file. */
function cardOfDriver(text: string): Card {
  const field = (name: string) => new RegExp(`^${name}:\\s*(.+?)\\s*$`, "m").exec(text)?.[1];
  return {
    index: Number(field("Device Minor") ?? 0),
    name: field("Model") ?? unnamed.name,
    uuid: field("GPU UUID"),
    freeMib: undefined,
  };
}

/** Such as `550.54.15`. */
export function driverIn({ smi, version }: Facts): string | undefined {
  const listed = smi?.isGood ? /^(?:[^,\n]*,){3} *(\d+(?:\.\d+)+) *,/m.exec(smi.text)?.[1] : undefined;
  return listed ?? /\b(\d{3,}\.\d+(?:\.\d+)?)\b/.exec(version ?? "")?.[1];
}

/** `GPU 0: NVIDIA H200`, as nvidia-smi writes it. */
export const labelOf = ({ index, name }: Card): string => `GPU ${index}: ${name}`;

export const CPU = "CPU";
