// How far a fit is, for people: a bar on a terminal, a line every few seconds elsewhere.
import { Presets, SingleBar } from "cli-progress";
import { progressLine } from "../../../shared/runtime/terminal.ts";

export interface Bar {
  /** 0 to 1. */
  show(share: number): void;
  end(): void;
}

export function openBar(name: string, startedAt: number, now: () => number): Bar {
  const seconds = () => Math.round((now() - startedAt) / 1000);
  if (process.stderr.isTTY) {
    const bar = new SingleBar(
      { format: `${name} {bar} {percentage}% | {seconds} s`, stream: process.stderr, hideCursor: true },
      Presets.shades_classic,
    );
    bar.start(1000, 0, { seconds: 0 });
    return { show: (share) => bar.update(Math.floor(1000 * share), { seconds: seconds() }), end: () => bar.stop() };
  }
  const line = progressLine();
  return { show: (share) => line.show(`${name} ${Math.floor(100 * share)}%, ${seconds()} s`), end: () => line.end() };
}
