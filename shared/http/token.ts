// The tokens of a port, from a file: never from a flag, where every user of the machine could read them. One file
// serves both ends.
import { createHash, timingSafeEqual } from "node:crypto";
import { readSecret } from "../disk/named-file.ts";
import { AppError } from "../errors/errors.ts";

/**
 * A trainer moves the model; an evaluator follows how far it is; a reader sees every figure and may ask serve. Those
 * two can change nothing. An operator rolls models back from the dashboard.
 */
const roles = ["trainer", "evaluator", "reader", "operator"] as const;
export type Role = (typeof roles)[number];

interface Line {
  readonly role: Role;
  readonly token: string;
}

/** What the server keeps: never a token itself, so that none can be logged. */
export type Tokens = readonly { readonly role: Role; readonly digest: Buffer }[];

const FLAG = "--token-file or TRIBUTARY_TOKEN_FILE";

/**
 * The server's side: everybody whom it knows. `bare` is whose a bare token is. Undefined without a file. Throws as
 * named-file.ts does, and USAGE with the line.
 */
export function readTokens(path: string | undefined, bare: Role = "trainer"): Tokens | undefined {
  return path === undefined ? undefined : tokensOf(linesOf(readSecret(path, FLAG), bare));
}

/** The other side: the first token of its role. */
export function readToken(path: string | undefined, mine: Role = "trainer"): string | undefined {
  if (path === undefined) return undefined;
  const line = linesOf(readSecret(path, FLAG), mine).find(({ role }) => role === mine);
  if (!line) throw new AppError("USAGE", { what: `${FLAG} holds no token of the role ${mine}`, path });
  return line.token;
}

/**
 * Lines `role token`, several of a role while one is replaced; `#` begins a comment. A file of one bare token is one
 * role's.
 */
export function linesOf(text: string, bare: Role = "trainer"): Line[] {
  const lines = text.split(/\r?\n/).map((line, k) => ({ at: k + 1, words: line.split("#")[0]!.trim().split(/\s+/) }));
  const filled = lines.filter(({ words }) => words[0] !== "");
  const [only] = filled;
  if (filled.length === 1 && only?.words.length === 1) return [{ role: bare, token: checked(only.words[0]!, only.at) }];
  return filled.map(({ at, words: [role, token, ...more] }) => {
    const found = roles.find((each) => each === role);
    if (!found || token === undefined || more.length > 0)
      throw new AppError("USAGE", {
        what: `${FLAG}: a line is \`role token\`, the role one of ${roles.join(", ")}`,
        line: at,
      });
    return { role: found, token: checked(token, at) };
  });
}

/** It travels in a header of HTTP. */
function checked(token: string, line: number): string {
  if (!/^[\x21-\x7e]{1,1024}$/.test(token))
    throw new AppError("USAGE", { what: `${FLAG}: a token is at most 1024 letters, digits and signs of ASCII`, line });
  return token;
}

export function tokensOf(lines: readonly Line[]): Tokens {
  const tokens = lines.map(({ role, token }) => ({ role, digest: digestOf(token) }));
  const shared = tokens.find(({ role, digest }) =>
    tokens.some((other) => other.role !== role && other.digest.equals(digest)),
  );
  if (shared) throw new AppError("USAGE", { what: `${FLAG}: two roles have the same token`, role: shared.role });
  return tokens;
}

export interface TokenRefusal {
  /** The token is a good one, and its role may not. */
  readonly isKnown: boolean;
  readonly why: string;
}

/** Why whoever sends this header may not do `deed`, as in "may not read"; undefined: one of the `allowed`, who may. */
export function tokenRefusal(
  tokens: Tokens,
  authorization: string | undefined,
  allowed: readonly Role[],
  deed: string,
): TokenRefusal | undefined {
  const [, token] = /^Bearer (\S+)$/i.exec(authorization ?? "") ?? [];
  const role = token === undefined ? undefined : roleOf(tokens, token);
  if (role === undefined) return { isKnown: false, why: "the token is wrong or missing" };
  return allowed.includes(role) ? undefined : { isKnown: true, why: `a token of the role ${role} may not ${deed}` };
}

/** In a time that tells nothing about the tokens. */
export function roleOf(tokens: Tokens, given: string): Role | undefined {
  const digest = digestOf(given);
  return tokens.filter((each) => timingSafeEqual(each.digest, digest))[0]?.role;
}

const digestOf = (text: string) => createHash("sha256").update(text).digest();
