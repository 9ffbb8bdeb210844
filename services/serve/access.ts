// Who may ask serve. Without tokens everybody who reaches the port, which is this machine alone then; with them whoever sends one of the role reader.
import { AppError } from "../../shared/runtime/errors.ts";
import { isLoopback } from "../../shared/runtime/loopback.ts";
import { roleOf, type Tokens } from "../../shared/runtime/token.ts";

export interface Caller {
  /** Without its query. */
  readonly path: string;
  readonly authorization: string | undefined;
  /** Address of the other end. */
  readonly remote: string | undefined;
}

/** Probes bring no token and learn one bit. */
const open = new Set(["/live", "/ready"]);
/** What `tributary status` and the dashboard read on this machine. */
const figures = new Set(["/status", "/metrics"]);

/** Throws AppError TOKEN_REFUSED. */
export function mustBeAllowed(tokens: Tokens | undefined, { path, authorization, remote }: Caller): void {
  if (!tokens || open.has(path)) return;
  if (figures.has(path) && remote !== undefined && isLoopback(remote)) return;
  const [, token] = /^Bearer (\S+)$/i.exec(authorization ?? "") ?? [];
  const role = token === undefined ? undefined : roleOf(tokens, token);
  if (role === undefined) throw new AppError("TOKEN_REFUSED", { what: "the token is wrong or missing" });
  if (role !== "reader") throw new AppError("TOKEN_REFUSED", { what: `a token of the role ${role} may not read` });
}
