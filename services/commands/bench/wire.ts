// What the wire costs: messages on loopback, a step's bytes beside the formula, the server's processor time by section,
// both designs of the first layer, Adam's ways.
import { openEngine } from "../../../shared/compute/open-engine.ts";
import { normalisedRow } from "../../../shared/neural/bag.ts";
import type { Until } from "../../../shared/runtime/lifecycle.ts";
import { defaults } from "../../../shared/systems/recvae/settings.ts";
import { type AdamTimes, adamTimes } from "./adam.ts";
import { type BagDesign, bagDesigns } from "./bags.ts";
import { type Costs, measureCosts } from "./costs.ts";
import type { Figure } from "./figures.ts";
import { longTailedRow } from "./rows.ts";
import { type Transfer, transfers } from "./transfer.ts";

export interface WireSize {
  readonly items: number;
  readonly batch: number;
  readonly perUser: number;
  readonly partSize: number;
  readonly trainers: number;
  readonly threads: number;
  readonly every: number;
  /** Sizes of messages. */
  readonly megabytes: readonly number[];
}

export interface WireFigures {
  /** What the trainers computed on. */
  readonly device: string;
  readonly transfers: readonly Transfer[];
  /** The same steps, with trainers of this machine and with trainers that could be anywhere. */
  readonly steps: { readonly memory: Costs; readonly socket: Costs };
  readonly bags: readonly BagDesign[];
  readonly adam: AdamTimes;
}

export async function wireFigures(size: WireSize, until: Until): Promise<WireFigures> {
  const { items, batch, perUser, partSize, trainers, every } = size;
  const { hidden } = defaults;
  const say = (what: string) => process.stderr.write(`${what}\n`);
  say("messages on loopback");
  const messages = await transfers(size.megabytes);
  const steps = { items, batch, perUser, partSize, trainers };
  say("steps, by memory");
  const memory = await measureCosts(steps, "memory", until);
  say("steps, by socket");
  const socket = await measureCosts(steps, "socket", until);
  say("the first layer");
  const bags = await bagDesigns({ items, hidden, perUser, users: partSize, batch, every });
  const rows = Array.from({ length: batch }, (_, user) => longTailedRow(user, perUser, items));
  const users = { rows, values: rows.map((row) => normalisedRow(row)) };
  const adam = await adamTimes(await openEngine({ threads: size.threads }), items, hidden, users);
  return { device: memory.device, transfers: messages, steps: { memory, socket }, bags, adam };
}

export function wireLines({ transfers, steps, bags, adam }: WireFigures): Figure[] {
  const rates = transfers.flatMap(({ via, megabytes, there, back }) =>
    (
      [
        ["to", there],
        ["from", back],
      ] as const
    ).map(([way, value]) => ({
      name: `${megabytes} MB ${way} a trainer, by ${via}${via === "socket" ? " (aim 900)" : ""}`,
      value,
      unit: "MB/s",
    })),
  );
  const firstLayer = bags.flatMap(({ design, round, touched, bytesPerUser, microsecondsPerUser, possible }) => [
    {
      name: `${design} of ${round}${possible ? "" : " (stale)"}, there and back`,
      value: bytesPerUser / 1e3,
      unit: "kB/user",
    },
    { name: `  server's time, ${touched} rows`, value: microsecondsPerUser, unit: "us/user" },
  ]);
  const ways = Object.entries({
    "TensorFlow's kernel": adam.tensorflow,
    "typed arrays": adam.typedArrays,
    "WebAssembly SIMD, 1 thread": adam.wasm1,
    "WebAssembly SIMD, 2 threads": adam.wasm2,
  }).flatMap(([way, times]) =>
    Object.entries(times ?? {}).map(([from, value]) => ({
      name: `Adam, ${way}, ${from === "dense" ? "dense gradient" : "from bags"}`,
      value,
      unit: "ms",
    })),
  );
  return [...rates, ...costLines(steps.memory), ...costLines(steps.socket), ...firstLayer, ...ways];
}

function costLines({ via, encoder, decoder, bytes }: Costs): Figure[] {
  const ofPhase = (name: string, { server, trainers }: Costs["encoder"]) => [
    ...Object.entries(server)
      .filter(([section]) => section !== "compute")
      .map(([section, value]) => ({ name: `${name} step by ${via}, server: ${section}`, value, unit: "ms CPU" })),
    { name: `${name} step by ${via}, trainers: compute`, value: trainers.compute ?? 0, unit: "ms CPU" },
  ];
  const steps = encoder.steps + decoder.steps;
  const ofBytes = (["sent", "received"] as const).flatMap((way) => [
    { name: `${way} a step by ${via}`, value: bytes.measured[way] / steps / 1e6, unit: "MB" },
    { name: "  by the formula", value: bytes.formula[way] / steps / 1e6, unit: "MB" },
  ]);
  return [...ofPhase("encoder", encoder), ...ofPhase("decoder", decoder), ...ofBytes];
}
