// Where the parameter server listens, and whether it may: anybody who reaches the port could steer the model, so a
// token guards all but loopback.
import { AppError } from "../../../shared/errors/errors.ts";
import { isLoopback, mustBeGuarded } from "../../../shared/http/loopback.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
  /** Out of reach of other machines. */
  readonly isLoopback: boolean;
}

/** HOST:PORT, [IPV6]:PORT. Throws USAGE. */
export function listenAddress(text: string, hasToken: boolean): Address {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || !(port <= 65535))
    throw new AppError("USAGE", { what: `--listen "${text}" is not HOST:PORT, as in 127.0.0.1:7070` });
  mustBeGuarded("--listen", host, hasToken);
  return { host, port, isLoopback: isLoopback(host) };
}
