// Who can reach an address: this machine alone, or others too. Whatever listens beyond loopback asks for a token.
import { isIPv4 } from "node:net";
import { AppError } from "../errors/errors.ts";

/** Out of reach of other machines. */
export function isLoopback(host: string): boolean {
  const plain = host.replace(/^::ffff:/i, "");
  return host === "localhost" || host === "::1" || (isIPv4(plain) && plain.startsWith("127."));
}

/** Throws USAGE when `flag` opens the port to other machines and no token guards it, which `guard` would name. */
export function mustBeGuarded(flag: string, host: string, hasToken: boolean, guard = "--token-file"): void {
  if (!isLoopback(host) && !hasToken)
    throw new AppError("USAGE", { what: `${flag} ${host} is open to other machines: give ${guard} too` });
}
