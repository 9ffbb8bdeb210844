// By which names the page may be asked for: a site whose name was pointed at this machine (DNS rebinding) is a page of
// another origin to no browser, so its name is looked at here.
import { isIP } from "node:net";
import { hostname } from "node:os";
import type { FastifyInstance } from "fastify";
import { AppError } from "../../shared/errors/errors.ts";
import { isProbe } from "../../shared/http/face-access.ts";
import { isLoopback } from "../../shared/http/loopback.ts";
import { refuse } from "./refusals.ts";

export interface Hosts {
  /** As --host says. */
  readonly listening: string;
  /** Names that were given; in lower case. */
  readonly given: ReadonlySet<string>;
}

/** `names` as --allowed-hosts has them. Throws USAGE. */
export function hostsOf(listening: string, names = ""): Hosts {
  const given = names
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const wrong = given.find((name) => nameIn(name) === undefined);
  if (wrong !== undefined)
    throw new AppError("USAGE", { what: `--allowed-hosts "${wrong}" is no name of a host, as in ops.example.com` });
  return { listening, given: new Set(given.map((name) => nameIn(name)!)) };
}

/** Of a header `host`, or of an origin's: without its port, in lower case; undefined: it is none. */
export function nameIn(host: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::\d{1,5})?$/i.exec(host) ?? [];
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? bracketed.toLowerCase() : undefined;
  return plain?.toLowerCase().replace(/\.$/, "");
}

const everywhere = new Set(["0.0.0.0", "::"]);

/**
 * The address that it listens on, this machine to itself, and the names that were given. Where it listens on every
 * address no address is foreign: only names can be pointed elsewhere.
 */
export function isOwnHost({ listening, given }: Hosts, host: string | undefined): boolean {
  const name = nameIn(host ?? "");
  if (name === undefined || name === "") return false;
  if (name === listening.toLowerCase() || isLoopback(name) || given.has(name)) return true;
  return everywhere.has(listening) && (isIP(name) !== 0 || name === hostname().toLowerCase());
}

/** Whatever is asked for, but by probes. */
export function refuseHosts(app: FastifyInstance, hosts: Hosts): void {
  app.addHook("onRequest", async ({ url, headers }, reply) => {
    if (isProbe(url.split("?", 1)[0]!) || isOwnHost(hosts, headers.host)) return;
    const { status, body } = refuse(
      new AppError("HOST_REFUSED", {
        what: `this dashboard has no such name as "${(headers.host ?? "").slice(0, 100)}"`,
      }),
    );
    return reply.code(status).send(body);
  });
}
