// Bearer tokens for OAUTHBEARER: from a command, a file or an authority's endpoint; kept until they are about to
// expire. None of their text, nor of a secret, stands in an error.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { AppError } from "../errors/errors.ts";
import type { TokenSource } from "./settings.ts";

const execute = promisify(execFile);
const PATIENCE_MS = 10_000;
/** So long before its end a token is not used any more. */
const MARGIN_MS = 30_000;

interface Token {
  readonly value: string;
  /** ms since 1970; null where it does not say. */
  readonly until: number | null;
}

/** Answers a token that holds. Throws KAFKA_LOGIN_REFUSED. */
export function tokensFrom(source: TokenSource): () => Promise<string> {
  let held: Token | undefined;
  return async () => {
    const now = Date.now();
    if (!held?.until || held.until - MARGIN_MS < now) held = await fresh(source);
    return held.value;
  };
}

async function fresh(source: TokenSource): Promise<Token> {
  const refused = (what: string, cause?: unknown) => new AppError("KAFKA_LOGIN_REFUSED", { what }, { cause });
  switch (source.from) {
    case "command": {
      const { stdout } = await execute("/bin/sh", ["-c", source.command], { timeout: PATIENCE_MS }).catch((error) => {
        const how = error.killed
          ? `did not end within ${PATIENCE_MS / 1000} s`
          : `failed (${error.code ?? error.signal})`;
        throw refused(`sasl.oauthbearer.token.command ${how}`); // what it wrote may hold the token
      });
      return tokenOf(stdout, () => refused("sasl.oauthbearer.token.command wrote no token on stdout"));
    }
    case "file": {
      const none = (cause?: unknown) =>
        refused(`the file of sasl.oauthbearer.token.endpoint.url holds no token: ${source.path}`, cause);
      try {
        return tokenOf(readFileSync(source.path, "utf8"), none);
      } catch (error) {
        throw none(error);
      }
    }
    case "endpoint": {
      const { url, clientId, clientSecret, scope } = source;
      const place = new URL(url).origin;
      const answer = await fetch(url, {
        method: "POST",
        headers: {
          authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}`,
          "content-type": "application/x-www-form-urlencoded",
          accept: "application/json",
        },
        body: new URLSearchParams({ grant_type: "client_credentials", ...(scope !== undefined && { scope }) }),
        signal: AbortSignal.timeout(PATIENCE_MS),
      }).catch((error: Error) => {
        const { code, message } = (error.cause ?? error) as NodeJS.ErrnoException;
        throw refused(`no token from ${place}: ${code ?? message}`);
      });
      const said = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
      if (!answer.ok)
        throw refused(`no token from ${place}: ${answer.status} ${String(said.error ?? answer.statusText)}`);
      const token = tokenOf(String(said.access_token ?? ""), () =>
        refused(`no token from ${place}: its answer has no access_token`),
      );
      const seconds = Number(said.expires_in);
      return { ...token, until: token.until ?? (seconds > 0 ? Date.now() + 1000 * seconds : null) };
    }
  }
}

function tokenOf(text: string, none: () => AppError): Token {
  const value = text.trim();
  if (!/^[\w.~+/=-]+$/.test(value)) throw none();
  return { value, until: expiryOf(value) };
}

/** Of a JSON web token; others are opaque. */
function expiryOf(token: string): number | null {
  try {
    const { exp } = JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString("utf8"));
    return typeof exp === "number" ? 1000 * exp : null;
  } catch {
    return null;
  }
}
