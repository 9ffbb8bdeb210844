// What Kafka and its client say when they refuse something, in our words: one error of the table for each kind. No
// secret stands in any of them, since none is looked at here. Pure.
import { AppError, type Facts } from "../errors/errors.ts";
import { type Address, written } from "./addresses.ts";

/** By the codes of Node's TLS, which are OpenSSL's. */
const distrust: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  CERT_REVOKED: "its certificate is revoked",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is signed by itself, and not in ssl.truststore",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is of an authority that ssl.truststore does not name",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is of an authority that ssl.truststore does not name",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate is of an authority that ssl.truststore does not name",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is of an authority that ssl.truststore does not name",
  CERT_SIGNATURE_FAILURE: "its certificate is of another authority than that of the same name in ssl.truststore",
  CERT_UNTRUSTED: "its certificate is not trusted for this",
  INVALID_PURPOSE: "its certificate is none for a server",
};

/** Alerts that a server ends a connection with, by the end of their code. */
const alerts: readonly (readonly [end: RegExp, what: string])[] = [
  [/CERTIFICATE_REQUIRED$/, "it wants a client certificate: ssl.keystore"],
  [/CERTIFICATE_EXPIRED$/, "it refuses our client certificate (ssl.keystore), which has expired"],
  [
    /(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|CERTIFICATE_UNKNOWN|UNKNOWN_CA)$/,
    "it refuses our client certificate (ssl.keystore), or wants one",
  ],
  [
    /(HANDSHAKE_FAILURE|PROTOCOL_VERSION|INSUFFICIENT_SECURITY)$/,
    "it shares no version or cipher of TLS with us, or wants a client certificate",
  ],
  [/(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/, "it does not speak TLS, and security.protocol says that it does"],
];

/** Undefined for what may pass, such as a connection that was lost. */
export function tlsRefusal(error: NodeJS.ErrnoException, address: Address): AppError | undefined {
  const { code = "" } = error;
  const why =
    code === "ERR_TLS_CERT_ALTNAME_INVALID"
      ? `its certificate is for ${namesIn(error)}, not for ${address.host}`
      : (distrust[code] ?? alerts.find(([end]) => code.startsWith("ERR_SSL_") && end.test(code))?.[1]);
  if (why === undefined) return undefined;
  return new AppError(
    "KAFKA_TLS_REFUSED",
    { what: `no TLS with Kafka's broker at ${written(address)}: ${why}` },
    { cause: error },
  );
}

const namesIn = (error: Error & { readonly cert?: { readonly subjectaltname?: string } }) =>
  error.cert?.subjectaltname?.replace(/(DNS|IP Address):/g, "") ?? "others";

/** Why no connection was made, without the address, which stands beside it. */
export function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EAI_NODATA":
      return "its name cannot be resolved";
    case "ECONNREFUSED":
      return "nothing listens there";
    case "ECONNRESET":
      return "it closes the connection at once: does security.protocol fit this listener?";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "there is no way to it";
    case "ETIMEDOUT":
      return "it does not answer";
    default:
      return message;
  }
}

/** What the broker answers to a bearer token that it does not take: `{"status":"invalid_token"}`. */
export function tokenRefused(answer: string): AppError {
  const [, status = "it does not say why"] = /"status"\s*:\s*"([\w -]+)"/.exec(answer) ?? [];
  return new AppError("KAFKA_LOGIN_REFUSED", { what: `Kafka refuses the bearer token: ${status}` });
}

interface ClientError {
  readonly name?: string;
  readonly type?: string;
  readonly message?: string;
  readonly cause?: unknown;
  readonly originalError?: unknown;
  readonly errors?: readonly unknown[];
}

/** What somebody must be allowed to do, by what Kafka calls its refusal. */
const forbidden: Readonly<Record<string, string>> = {
  TOPIC_AUTHORIZATION_FAILED: "the topic",
  GROUP_AUTHORIZATION_FAILED: "the consumer group",
  CLUSTER_AUTHORIZATION_FAILED: "the cluster",
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "the transactional id",
};

/**
 * `doing`: what was tried, such as "read the topic"; `facts`: with what. An error that is none of these stays what it
 * is.
 */
export function refusalOf(error: unknown, doing: string, facts: Facts): unknown {
  for (const each of causesOf(error)) {
    if (each instanceof AppError) return each;
    const { name, type = "", message = "" } = each as ClientError;
    const what = forbidden[type];
    if (what !== undefined)
      return new AppError(
        "KAFKA_FORBIDDEN",
        { what: `Kafka does not let us ${doing}: no right on ${what}`, ...facts },
        { cause: error },
      );
    if (type === "ILLEGAL_SASL_STATE")
      return new AppError(
        "KAFKA_LOGIN_REFUSED",
        {
          what:
            "this listener of Kafka takes no login (security.protocol), or a login lasts there for less than 6 s " +
            "(connections.max.reauth.ms, the token)",
        },
        { cause: error },
      );
    if (
      name === "KafkaJSSASLAuthenticationError" ||
      type === "SASL_AUTHENTICATION_FAILED" ||
      type === "UNSUPPORTED_SASL_MECHANISM"
    )
      return new AppError("KAFKA_LOGIN_REFUSED", { what: `Kafka refuses the login: ${message}` }, { cause: error });
  }
  return error;
}

/** An error and what caused it, the outermost first. */
export function causesOf(error: unknown): unknown[] {
  const found: unknown[] = [];
  for (let each = error; each instanceof Error && !found.includes(each); ) {
    found.push(each);
    const { cause, originalError, errors } = each as ClientError;
    each = (cause ?? originalError ?? errors?.[0]) as Error;
  }
  return found;
}
