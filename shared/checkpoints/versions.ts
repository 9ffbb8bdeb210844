// Names of published versions: their order, the next one, and which of many are kept. Pure.
import { AppError } from "../errors/errors.ts";

export const versionPattern = /^v\d{6,}$/;

const numberOf = (version: string) => Number(version.slice(1));

/** Those of the names that are versions, oldest first. */
export const versionsIn = (names: readonly string[]): string[] =>
  names.filter((name) => versionPattern.test(name)).sort((a, b) => a.length - b.length || (a < b ? -1 : 1));

export function nextAfter(versions: readonly string[]): string {
  const newest = versions.at(-1);
  return `v${String(newest === undefined ? 1 : numberOf(newest) + 1).padStart(6, "0")}`;
}

/**
 * How many of the newest are kept, of all, of every eighth, of every 64th, ...: a model every few seconds, and still
 * one of an hour ago and one of yesterday to go back to.
 */
const kept = [
  { every: 1, newest: 5 },
  { every: 8, newest: 3 },
  { every: 64, newest: 3 },
  { every: 512, newest: 3 },
  { every: 4096, newest: 3 },
];

/** Those that go. */
export function thinnedOut(versions: readonly string[], spared: readonly (string | null)[]): string[] {
  const stay = kept.flatMap(({ every, newest }) =>
    versions.filter((version) => numberOf(version) % every === 0).slice(-newest),
  );
  return versions.filter((version) => !spared.includes(version) && !stay.includes(version));
}

export const unknown = (modelsDir: string, version: string) =>
  new AppError("MODEL_UNKNOWN", { what: `no version ${version}`, path: modelsDir });
