// A set-up that is interrupted ends what it has started, by whatever signal, and when nobody reads what it says any
// more. What it had begun is made anew by the next one.
import { constants } from "node:os";
import { endPrograms } from "./execute.mjs";

/** From now on; the function returned gives the signals back. */
export function endWhenInterrupted(out = process.stderr) {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  const end = (signal) => {
    endPrograms();
    if (signal !== "SIGPIPE")
      out.write(`${out.isTTY ? "\r\x1b[K" : ""}the set-up was interrupted: the next one goes on where it stopped\n`);
    process.exit(128 + constants.signals[signal]);
  };
  const broken = () => end("SIGPIPE");
  for (const signal of signals) process.on(signal, end);
  out.on("error", broken);
  return () => {
    for (const signal of signals) process.off(signal, end);
    out.off("error", broken);
  };
}
