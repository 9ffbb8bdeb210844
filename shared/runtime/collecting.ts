// Collects a service's garbage once a minute. V8 leaves it for as long as there is room, and where room was made for
// speed (spawn.ts) that is for hours: memory rose by 10 MB a minute that nobody held. A collection takes some 20 ms.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const EVERY_MS = 60_000;

/** Keeps the process from nothing. The function returned ends it. */
export function collectEveryMinute(): () => void {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const collecting = setInterval(collect, EVERY_MS).unref();
  return () => clearInterval(collecting);
}
