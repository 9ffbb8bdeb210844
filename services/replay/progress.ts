// How far a replay is, for people: a bar on a terminal, a line every few seconds elsewhere; and its rate, which /status
// tells too.
import { Presets, SingleBar } from "cli-progress";
import type { Log } from "../../shared/runtime/log.ts";

export interface Progress {
  readonly produced: number;
  readonly ratePerSecond: number;
  /** `fraction` 0..1, null where there is no end. */
  add(events: number, fraction: number | null): void;
  end(): void;
}

const LINE_MS = 5000;
const RATE_MS = 1000;

export function showProgress(name: string, log: Log): Progress {
  const bar = process.stderr.isTTY
    ? new SingleBar(
        {
          format: `${name} {bar} {percentage}% | {events} events | {rate}/s`,
          stream: process.stderr,
          hideCursor: true,
        },
        Presets.shades_classic,
      )
    : null;
  let started = false;
  let produced = 0;
  let rate = 0;
  let shown: number | null = null;
  let counted = 0;
  let countedAt = performance.now();
  const measure = setInterval(() => {
    const now = performance.now();
    rate = ((produced - counted) * 1000) / (now - countedAt);
    counted = produced;
    countedAt = now;
  }, RATE_MS);
  const line = setInterval(() => {
    if (bar === null)
      log.info(
        { produced, ratePerSecond: Math.round(rate), ...(shown === null ? {} : { percent: Math.floor(100 * shown) }) },
        "replaying",
      );
  }, LINE_MS);
  return {
    get produced() {
      return produced;
    },
    get ratePerSecond() {
      return rate;
    },
    add: (events, fraction) => {
      produced += events;
      shown = fraction;
      const figures = { events: produced, rate: Math.round(rate) };
      if (bar !== null && !started) bar.start(1000, 0, figures);
      started = true;
      bar?.update(Math.round(1000 * (fraction ?? 1)), figures);
    },
    end: () => {
      clearInterval(measure);
      clearInterval(line);
      if (started) bar?.stop();
    },
  };
}
