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
  /** As nvidia-smi counts, in the order of the bus; null where only the device file is known. */
  readonly index: number;
  readonly name: string;
  readonly uuid: string | undefined;
  /** MiB that no process holds; undefined where it is not told. */
  readonly freeMib: number | undefined;
}

/** The name comes last: it may hold commas. */
export const query = ["--query-gpu=index,uuid,memory.free,driver_version,name", "--format=csv,noheader,nounits"];

/**
 * Who is asked, in this order: nvidia-smi, which tells most and which Docker brings into a container together with a
 * card; the driver's list in /proc, which is the machine's even where a container was given none of its cards; the
 * device files, without which CUDA cannot open a card (sandboxes such as gVisor show these alone); WSL's.
 */
export function cardsIn({ devices, information, smi }: Facts): Card[] {
  const told = smi?.isGood ? smi.text.split("\n").flatMap(cardOf) : [];
  if (told.length > 0) return told;
  if (information.length > 0) return information.map(cardOfDriver).sort((a, b) => a.index - b.index);
  const files = devices.flatMap((name) => /^nvidia(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  const unnamed = files.length === 0 && devices.includes("dxg") ? [0] : files;
  return unnamed.sort((a, b) => a - b).map((index) => ({ index, name: UNNAMED, uuid: undefined, freeMib: undefined }));
}

const UNNAMED = "NVIDIA GPU";

function cardOf(line: string): Card[] {
  const [, index, uuid, free, , name] = /^\s*(\d+), *([^,]*), *([^,]*), *([^,]*), *(.+?)\s*$/.exec(line) ?? [];
  if (index === undefined) return [];
  const freeMib = Number(free || Number.NaN); // `[N/A]` where it is cut into pieces (MIG)
  return [{ index: Number(index), name: name!, uuid, freeMib: Number.isFinite(freeMib) ? freeMib : undefined }];
}

function cardOfDriver(text: string): Card {
  const field = (name: string) => new RegExp(`^${name}:\\s*(.+?)\\s*$`, "m").exec(text)?.[1];
  return {
    index: Number(field("Device Minor") ?? 0),
    name: field("Model") ?? UNNAMED,
    uuid: field("GPU UUID"),
    freeMib: undefined,
  };
}

/** Such as `550.54.15`. */
export function driverIn({ smi, version }: Facts): string | undefined {
  const told = smi?.isGood ? /^(?:[^,\n]*,){3} *(\d+(?:\.\d+)+) *,/m.exec(smi.text)?.[1] : undefined;
  return told ?? /\b(\d{3,}\.\d+(?:\.\d+)?)\b/.exec(version ?? "")?.[1];
}

/** `GPU 0: NVIDIA H200`, as nvidia-smi writes it. */
export const labelOf = ({ index, name }: Card): string => `GPU ${index}: ${name}`;

export const CPU = "CPU";
