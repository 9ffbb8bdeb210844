// What each stage of `bench pipeline` may take, at the size of a known data set; a part of one may take its part.
import { type Preset, type PresetName, presets } from "../../../../shared/events/presets.ts";

export interface Limits {
  /** Seconds from the table to the first training step, old posteriors included. */
  readonly firstStep: number | undefined;
  /** Seconds of an exact outer epoch on two quiet cores. */
  readonly epoch: number | undefined;
  /** Seconds to judge and publish. */
  readonly judged: number | undefined;
  /** Bytes of a process. */
  readonly server: number;
  readonly trainer: number;
  /** Milliseconds of an answer, the middle one. */
  readonly p50: number;
}

const WHOLE: Partial<Record<PresetName, Pick<Limits, "firstStep" | "epoch">>> = {
  msd: { firstStep: 90, epoch: 510 },
  netflix: { firstStep: 120, epoch: 258 },
};
/** What a process takes before it has done anything, s. */
const START = 5;

export function limitsOf(name: PresetName, { users }: Preset): Limits {
  const share = users / presets[name].users;
  const scaled = (seconds: number | undefined) => seconds && START + share * (seconds - START);
  const { firstStep, epoch } = WHOLE[name] ?? {};
  return {
    firstStep: scaled(firstStep),
    epoch: epoch && share * epoch,
    judged: 60,
    ...{ server: 4e9, trainer: 1.5e9, p50: 5 },
  };
}
