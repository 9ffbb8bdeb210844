// Where the parameter server listens, and whether it may: anybody who reaches the port could steer the model, so a token guards all but loopback.
import { AppError } from "../../shared/runtime/errors.ts";

/** HOST:PORT, [IPV6]:PORT. Throws USAGE. */
export function listenAddress(text: string, token: string | undefined): { host: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || !(port <= 65535))
    throw new AppError("USAGE", { what: `--listen "${text}" is not HOST:PORT, as in 127.0.0.1:7070` });
  const isLoopback = host === "localhost" || host === "::1" || /^127\./.test(host);
  if (!isLoopback && token === undefined)
    throw new AppError("USAGE", { what: `--listen ${host} is open to other machines: give --token-file too` });
  return { host, port };
}
