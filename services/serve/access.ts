// Who may ask serve. Without tokens everybody who reaches the port, which is this machine alone then; with them whoever
// sends one of the role reader.
import { AppError } from "../../shared/errors/errors.ts";
import { isProbe } from "../../shared/http/face-access.ts";
import { isLoopback } from "../../shared/http/loopback.ts";
import { type Tokens, tokenRefusal } from "../../shared/http/token.ts";

export interface Caller {
  /** Without its query. */
  readonly path: string;
  readonly authorization: string | undefined;
  /** Address of the other end. */
  readonly remote: string | undefined;
}

/** What `tributary status` and the dashboard read on this machine. */
const figures = new Set(["/status", "/metrics"]);

/** Throws AppError TOKEN_REFUSED. */
export function mustBeAllowed(tokens: Tokens | undefined, { path, authorization, remote }: Caller): void {
  if (!tokens || isProbe(path)) return;
  if (figures.has(path) && remote !== undefined && isLoopback(remote)) return;
  const refused = tokenRefusal(tokens, authorization, ["reader"], "read");
  if (refused) throw new AppError("TOKEN_REFUSED", { what: refused.why });
}
