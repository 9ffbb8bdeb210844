// How people write where Kafka is: `host:port`, several with commas. What cannot be meant is refused with the reason
// before anything is connected. Pure.
import { AppError } from "../errors/errors.ts";

export interface Address {
  /** A name or an address, IPv6 without its brackets. */
  readonly host: string;
  readonly port: number;
}

/** What Java's clients allow before an address, and pass over; here it must be the protocol that is used. */
const scheme = /^([a-z][\w+.-]*):\/\//i;
const bracketed = /^\[([\dA-Fa-f:.]+(?:%[\w.-]+)?)\](?::(.*))?$/;
const hostName = /^[\w.-]+$/;

/**
 * `name`: what it was given with, such as KAFKA_BROKERS; `protocol`: of Kafka's four, the one that is spoken. Blanks
 * and commas too many are passed over. Throws USAGE.
 */
export function addressesIn(text: string, name: string, protocol: string): Address[] {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  if (parts.length === 0)
    throw new AppError("USAGE", { what: `${name} "${text}": give HOST:PORT, several with commas` });
  const problems: string[] = [];
  const addresses = parts.flatMap((part) => {
    const read = addressIn(part, protocol);
    if (typeof read !== "string") return [read];
    problems.push(read);
    return [];
  });
  if (problems.length > 0) throw new AppError("USAGE", { what: `${name}: ${problems.join("; ")}` });
  return addresses;
}

/** Or what is wrong with it. */
function addressIn(part: string, protocol: string): Address | string {
  // what stands before an @ may be a password: it is shown nowhere
  if (part.includes("@")) return "write HOST:PORT alone; user and password stand in sasl.jaas.config";
  const [prefix = "", said] = scheme.exec(part) ?? [];
  const rest = part.slice(prefix.length).replace(/\/$/, "");
  if (said !== undefined && said.toUpperCase() !== protocol)
    return `"${part}": write ${rest}, and the protocol as security.protocol (now ${protocol})`;
  if (/\s/.test(rest)) return `"${part}" has a blank in it: put a comma between two addresses`;
  if (rest.includes("/")) return `"${part}" has a path: write HOST:PORT`;
  const [, six, behind] = bracketed.exec(rest) ?? [];
  if (six === undefined && rest.split(":").length > 2)
    return `"${part}" has more than one colon: write an IPv6 address in brackets, [::1]:9092`;
  const [host, port] = six === undefined ? split(rest) : [six, behind];
  if (host === "") return `"${part}" has no host: write HOST:PORT`;
  if (port === undefined || port === "") return `"${part}" has no port: write ${written({ host, port: 9092 })}`;
  const number = Number(port);
  if (!/^\d+$/.test(port) || number < 1 || number > 65_535) return `"${part}" has no port from 1 to 65535`;
  if (six === undefined && !hostName.test(host)) return `"${part}" has a host that is no name: write HOST:PORT`;
  return { host, port: number };
}

function split(text: string): [host: string, port: string | undefined] {
  const at = text.lastIndexOf(":");
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** As it is read. */
export const written = ({ host, port }: Address): string => `${host.includes(":") ? `[${host}]` : host}:${port}`;

export const allWritten = (addresses: readonly Address[]): string => addresses.map(written).join(", ");
