// Where a service's /status and /metrics listen, and who may read them: this machine, or with TRIBUTARY_HTTP_HOST
// whoever brings a reader's token. Before http.ts.
import { setting } from "../runtime/command.ts";
import { isLoopback, mustBeGuarded } from "./loopback.ts";
import { readTokens, type Tokens, tokenRefusal } from "./token.ts";

/** Probes bring no token and learn one bit. */
const probes = new Set(["/live", "/ready"]);
export const isProbe = (path: string): boolean => probes.has(path);

/** Throws USAGE when the port would be open to other machines without a token; and as readTokens does. */
export function faceHost(env: NodeJS.ProcessEnv): { host: string; tokens: Tokens | undefined } {
  const host = setting(env, "TRIBUTARY_HTTP_HOST")?.trim() ?? "127.0.0.1";
  if (isLoopback(host)) return { host, tokens: undefined };
  const tokens = readTokens(setting(env, "TRIBUTARY_TOKEN_FILE"));
  mustBeGuarded("TRIBUTARY_HTTP_HOST", host, tokens !== undefined, "TRIBUTARY_TOKEN_FILE (what --token-file takes)");
  return { host, tokens };
}

/** Why a caller may not read; undefined: it may. This machine needs no token, as with serve. */
export function refusalOfFigures(
  tokens: Tokens,
  url: string,
  authorization: string | undefined,
  remote: string | undefined,
): string | undefined {
  if (isProbe(url.split("?")[0]!) || (remote !== undefined && isLoopback(remote))) return undefined;
  return tokenRefusal(tokens, authorization, ["reader"], "read")?.why;
}
