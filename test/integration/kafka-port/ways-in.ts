// Each login, and each refusal with one clear error.
import { createServer as createHttp } from "node:http";
import { connect, createServer } from "node:net";
import { describe, expect, test } from "vitest";
import type { Listener } from "../secured-broker.ts";
import { bearer, listening, login, open, type Pairs, portOf, secured, token, trusting } from "./secured.ts";

async function writesAndReads(listener: Listener | string, pairs: Pairs): Promise<void> {
  const kafka = await open(listener, pairs);
  try {
    await kafka.ensureTopic("ways", 1);
    const [before] = await kafka.endOffsets("ways");
    await kafka.produce("ways", [{ key: "k", value: "v" }]);
    const [after] = await kafka.endOffsets("ways");
    expect(after!.end).toBe(before!.end + 1);
  } finally {
    await kafka.close();
  }
}

/** The error, and how long it took, ms. */
async function refused(listener: Listener | string, pairs: Pairs): Promise<{ message: string; ms: number }> {
  const from = performance.now();
  const error = await writesAndReads(listener, pairs).then(
    () => new Error("it was let in"),
    (error: Error) => error,
  );
  return { message: error.message, ms: performance.now() - from };
}

export function waysIn(): void {
  describe("let in", () => {
    test.each<[string, Listener, () => Pairs]>([
      ["plainly", "PLAIN", () => ({})],
      [
        "with a client certificate",
        "MUTUAL",
        () => ({ "security.protocol": "SSL", ...trusting(), "ssl.keystore.location": secured.client }),
      ],
      ["with PLAIN", "LOGIN", () => ({ ...login("PLAIN", "alice-secret"), ...trusting() })],
      ["with SCRAM-SHA-256", "LOGIN", () => ({ ...login("SCRAM-SHA-256", "alice-secret"), ...trusting() })],
      ["with SCRAM-SHA-512", "LOGIN", () => ({ ...login("SCRAM-SHA-512", "alice-secret"), ...trusting() })],
      [
        "with a token of a command",
        "LOGIN",
        () => ({ ...bearer, ...trusting(), "sasl.oauthbearer.token.command": `echo ${token("alice")}` }),
      ],
      [
        "by another name that is not checked",
        "RENAMED",
        () => ({ ...login("PLAIN", "alice-secret"), ...trusting(), "ssl.endpoint.identification.algorithm": "" }),
      ],
    ])("%s", (_, listener, pairs) => writesAndReads(listener, pairs()));

    test("with a token of an authority, got by client credentials", async () => {
      const asked: string[] = [];
      const answering = createHttp(async (request, response) => {
        let body = "";
        for await (const piece of request) body += piece;
        asked.push(`${request.headers.authorization} ${body}`);
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ access_token: token("alice"), expires_in: 3600 }));
      });
      const tokens = await listening(answering);
      const client = 'clientId="me" clientSecret="s3cret" scope="kafka"';
      await writesAndReads("LOGIN", {
        ...bearer,
        ...trusting(),
        "sasl.oauthbearer.token.endpoint.url": `http://127.0.0.1:${portOf(tokens)}/token`,
        "sasl.jaas.config": `org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required ${client};`,
      });
      const basic = `Basic ${Buffer.from("me:s3cret").toString("base64")}`;
      expect(asked).toEqual([`${basic} grant_type=client_credentials&scope=kafka`]); // one for all connections
    });

    test("by IPv6", async () => {
      const [, port] = secured.at.PLAIN.split(":");
      const passing = createServer((near) => {
        const far = connect(Number(port), "127.0.0.1");
        for (const [from, to] of [
          [near, far],
          [far, near],
        ] as const)
          from.on("error", () => to.destroy()).pipe(to);
      });
      const forwarding = await listening(passing, "::1");
      await writesAndReads(`[::1]:${portOf(forwarding)}, `, {});
    });
  });

  describe("refused at once, with one error that says why", () => {
    test.each<[string, Listener, () => Pairs, RegExp]>([
      [
        "a wrong password (PLAIN)",
        "LOGIN",
        () => ({ ...login("PLAIN", "wr0ng"), ...trusting() }),
        /^KAFKA_LOGIN_REFUSED: .*Invalid username or password/,
      ],
      [
        "a wrong password (SCRAM)",
        "LOGIN",
        () => ({ ...login("SCRAM-SHA-512", "wr0ng"), ...trusting() }),
        /^KAFKA_LOGIN_REFUSED: .*invalid credentials/,
      ],
      [
        "a token that is none",
        "LOGIN",
        () => ({ ...bearer, ...trusting(), "sasl.oauthbearer.token.command": "echo wr0ng.wr0ng.wr0ng" }),
        /^KAFKA_LOGIN_REFUSED: Kafka refuses the bearer token: invalid_token/,
      ],
      [
        "a token that has expired",
        "LOGIN",
        () => ({ ...bearer, ...trusting(), "sasl.oauthbearer.token.command": `echo ${token("alice", -300)}` }),
        /^KAFKA_LOGIN_REFUSED: .*invalid_token/,
      ],
      [
        "a command that fails",
        "LOGIN",
        () => ({ ...bearer, ...trusting(), "sasl.oauthbearer.token.command": "echo wr0ng; exit 3" }),
        /^KAFKA_LOGIN_REFUSED: .*token\.command failed \(3\)/,
      ],
      [
        "a certificate that has expired",
        "EXPIRED",
        () => ({ ...login("PLAIN", "wr0ng"), ...trusting() }),
        /^KAFKA_TLS_REFUSED: .*has expired/,
      ],
      [
        "a certificate for another name",
        "RENAMED",
        () => ({ ...login("PLAIN", "wr0ng"), ...trusting() }),
        /^KAFKA_TLS_REFUSED: .*is for kafka\.example, not for 127\.0\.0\.1/,
      ],
      [
        "a certificate of another authority",
        "LOGIN",
        () => ({ ...login("PLAIN", "wr0ng"), "ssl.truststore.location": secured.foreignAuthority }),
        /^KAFKA_TLS_REFUSED: .*another authority/,
      ],
      [
        "no authority that is known",
        "LOGIN",
        () => login("PLAIN", "wr0ng"),
        /^KAFKA_TLS_REFUSED: .*authority that ssl\.truststore does not name/,
      ],
      [
        "no client certificate",
        "MUTUAL",
        () => ({ "security.protocol": "SSL", ...trusting() }),
        /^KAFKA_TLS_REFUSED: .*client certificate/,
      ],
      [
        "a client certificate that has expired",
        "MUTUAL",
        () => ({ "security.protocol": "SSL", ...trusting(), "ssl.keystore.location": secured.expiredClient }),
        /^KAFKA_TLS_REFUSED: .*our client certificate/,
      ],
      [
        "a foreign client certificate",
        "MUTUAL",
        () => ({ "security.protocol": "SSL", ...trusting(), "ssl.keystore.location": secured.foreignClient }),
        /^KAFKA_TLS_REFUSED: .*client certificate/,
      ],
      ["no TLS where TLS is spoken", "LOGIN", () => ({}), /^KAFKA_TLS_REFUSED: .*speaks TLS/],
      [
        "TLS where none is spoken",
        "PLAIN",
        () => ({ "security.protocol": "SSL", ...trusting() }),
        /^KAFKA_TLS_REFUSED: .*speaks none/,
      ],
      [
        "no login where one is wanted",
        "LOGIN",
        () => ({ "security.protocol": "SSL", ...trusting() }),
        /^BROKER_UNREACHABLE: .*closes the connection: does security\.protocol fit/,
      ],
      [
        "a login where none is wanted",
        "PLAIN",
        () => ({ ...login("PLAIN", "wr0ng"), "security.protocol": "SASL_PLAINTEXT" }),
        /^KAFKA_LOGIN_REFUSED: .*takes no login/,
      ],
      [
        "a mechanism that the listener has not",
        "PLAIN",
        () => ({ ...login("SCRAM-SHA-256", "wr0ng"), "security.protocol": "SASL_PLAINTEXT" }),
        /^KAFKA_LOGIN_REFUSED: .*takes no login/,
      ],
      [
        "a user that there is not",
        "LOGIN",
        () => ({ ...login("SCRAM-SHA-256", "wr0ng", "nobody"), ...trusting() }),
        /^KAFKA_LOGIN_REFUSED: .*invalid credentials/,
      ],
      [
        "no right to make a topic",
        "LOGIN",
        () => ({ ...login("PLAIN", "bob-secret", "bob"), ...trusting() }),
        /^KAFKA_FORBIDDEN: .*create or see the topic/,
      ],
    ])("%s", async (_, listener, pairs, why) => {
      const { message, ms } = await refused(listener, pairs());
      expect(message).toMatch(why);
      expect(message).not.toMatch(/wr0ng|secret/);
      expect(ms).toBeLessThan(8000);
    });

    test("brokers that are named and cannot be reached: told with their names within 15 s", async () => {
      const [ghost, silent] = await Promise.all([refused("GHOST", {}), refused("DEAF", {})]);
      expect(ghost.message).toMatch(
        /^BROKER_UNREACHABLE: .*advertised\.listeners.*kafka\.invalid:9092, its name cannot be resolved/,
      );
      expect(silent.message).toMatch(
        /^BROKER_UNREACHABLE: .*advertised\.listeners.*takes connections and has not answered/,
      );
      expect(Math.max(ghost.ms, silent.ms)).toBeLessThan(15_000);
    }, 30_000);
  });
}
