// Who may do what at the server's port. Pure. admission.ts asks before a byte of the protocol is read.
import { type Role, type Tokens, tokenRefusal } from "../../../shared/http/token.ts";

const allowed = {
  train: ["trainer"],
  "read /status": ["trainer", "evaluator", "reader"],
  "read /metrics": ["reader"],
} as const satisfies Record<string, readonly Role[]>;
export type Right = keyof typeof allowed;

/** As HTTP says it. */
export interface Refusal {
  readonly code: 401 | 403 | 404;
  readonly why: string;
}

/** Undefined: come in. Without tokens everybody may, and the port is open to this machine alone (address.ts). */
export function refusalOf(
  right: Right,
  tokens: Tokens | undefined,
  authorization: string | undefined,
): Refusal | undefined {
  if (!tokens) return undefined;
  const refused = tokenRefusal(tokens, authorization, allowed[right], right);
  return refused && { code: refused.isKnown ? 403 : 401, why: refused.why };
}

/** A browser always names its page, a trainer never does: no page may reach a server on its reader's own machine. */
export function refusalOfPage(origin: string | undefined): Refusal | undefined {
  return origin === undefined ? undefined : { code: 403, why: "a web page is no trainer" };
}
