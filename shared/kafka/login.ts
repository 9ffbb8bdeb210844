// The login, as kafkajs takes it.
import type { Mechanism, SASLOptions } from "kafkajs";
import { tokenRefused } from "./refusals.ts";
import type { Login } from "./settings.ts";
import { tokensFrom } from "./tokens.ts";

export function saslOf(login: Login): SASLOptions | Mechanism {
  if (login.mechanism === "OAUTHBEARER") return bearer(tokensFrom(login.token));
  const { username, password } = login;
  return { mechanism: login.mechanism.toLowerCase() as "plain", username, password };
}

/**
 * RFC 7628. kafkajs has it too, but takes the broker's refusal, which stands in an answer that is no error, for a yes,
 * and then meets a connection that is closed, again and again.
 */
function bearer(token: () => Promise<string>): Mechanism {
  const withLength = (text: string) => {
    const bytes = Buffer.from(`0000${text}`);
    bytes.writeInt32BE(bytes.length - 4);
    return bytes;
  };
  return {
    mechanism: "OAUTHBEARER",
    authenticationProvider: ({ saslAuthenticate }) => ({
      authenticate: async () => {
        const held = await token().catch((error) => {
          throw Object.assign(error, { retriable: false }); // kafkajs would try what is not ours again, again and again
        });
        const message = withLength(`n,,\x01auth=Bearer ${held}\x01\x01`);
        const refusal = await saslAuthenticate<string>({
          request: { encode: () => message },
          response: { decode: (answer: Buffer) => answer, parse: (answer: Buffer) => answer.toString("utf8", 4) },
        });
        if (refusal) throw tokenRefused(refusal);
      },
    }),
  };
}
