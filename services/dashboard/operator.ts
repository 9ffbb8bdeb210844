// Who may change something from the page: whoever sends an operator's token, and no other site's page. Pure.
import type { IncomingHttpHeaders } from "node:http";
import { AppError } from "../../shared/errors/errors.ts";
import { type Tokens, tokenRefusal } from "../../shared/http/token.ts";

/**
 * A browser names the page that asks, and a program names none. `names` are those of a proxy, which may ask by another.
 * Throws AppError ORIGIN_REFUSED.
 */
export function mustBeOwnPage(
  { origin, host, ...headers }: IncomingHttpHeaders,
  names: ReadonlySet<string> = new Set(),
): void {
  const site = headers["sec-fetch-site"];
  const isForeign =
    (origin !== undefined && !isOf(origin, host, names)) ||
    (site !== undefined && site !== "same-origin" && site !== "none");
  if (isForeign) throw new AppError("ORIGIN_REFUSED", { what: "another site's page asks" });
}

/** Throws AppError TOKEN_REFUSED; without tokens nobody may. */
export function mustBeOperator(tokens: Tokens | undefined, authorization: string | undefined): void {
  if (!tokens)
    throw new AppError("TOKEN_REFUSED", {
      what: "this dashboard was started without --token-file and changes nothing",
    });
  const refused = tokenRefusal(tokens, authorization, ["operator"], "roll back");
  if (refused) throw new AppError("TOKEN_REFUSED", { what: refused.why });
}

/** Behind a proxy that speaks TLS the scheme differs, the host does not. */
function isOf(origin: string, host: string | undefined, names: ReadonlySet<string>): boolean {
  if (!URL.canParse(origin)) return false;
  const from = new URL(origin);
  return from.host === host || names.has(from.hostname);
}
