// A clock that can be wrong: libfaketime, preloaded into every Node process of `up`, reads the offset from a file.
// Kafka's clock stays true, as that of another machine.
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Clock {
  readonly environment: NodeJS.ProcessEnv;
  /** Seconds against the true time; seen within a second. */
  step(offset: number): void;
}

/** Undefined where it is not installed. */
export function openClock(folder: string): Clock | undefined {
  const library = libraries().find((path) => existsSync(path));
  if (library === undefined) return undefined;
  const file = join(folder, "clock");
  const step = (offset: number) => writeFileSync(file, `${offset < 0 ? "" : "+"}${offset}\n`);
  step(0);
  return {
    step,
    environment: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: "1",
      FAKETIME_SKIP_CMDS: "java",
      // Time that only runs forward is not set with the clock. Both spellings are in use.
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      DONT_FAKE_MONOTONIC: "1",
    },
  };
}

function libraries(): string[] {
  const roots = ["/usr/lib", "/usr/lib64", "/usr/local/lib"].filter((root) => existsSync(root));
  const places = roots.flatMap((root) => [
    root,
    ...readdirSync(root, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [join(root, entry.name)] : [],
    ),
  ]);
  return places.flatMap((place) => [join(place, "faketime", "libfaketime.so.1"), join(place, "libfaketime.so.1")]);
}
