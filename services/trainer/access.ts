// What a trainer shows the server and asks of it: the token, and a certificate that it trusts. Between main.ts and
// connection.ts.
import { readNamed } from "../../shared/disk/named-file.ts";
import { AppError } from "../../shared/errors/errors.ts";
import { readToken } from "../../shared/http/token.ts";

/** Options of the websocket. */
export interface Access {
  readonly headers: Readonly<Record<string, string>>;
  /** PEM; undefined trusts the authorities that Node knows. */
  readonly ca: string | undefined;
}

/** Throws as token.ts and named-file.ts do. */
export function readAccess({
  tokenFile,
  tlsCa,
}: {
  tokenFile?: string | undefined;
  tlsCa?: string | undefined;
}): Access {
  const token = readToken(tokenFile);
  return {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ca: tlsCa === undefined ? undefined : readAuthority(tlsCa),
  };
}

function readAuthority(path: string): string {
  const pem = readNamed(path);
  if (!pem.includes("-----BEGIN CERTIFICATE-----"))
    throw new AppError("USAGE", { what: "--tls-ca holds no certificate in PEM", path });
  return pem;
}

/**
 * In words, by Node's code of a TLS handshake that failed; undefined when that was not it. No later attempt can end
 * otherwise.
 */
export function certificateProblem(code: string | undefined): string | undefined {
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return "the server's certificate has expired";
    case "CERT_NOT_YET_VALID":
      return "the server's certificate is not valid yet";
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return "the server's certificate is for another host";
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      return "no authority known here has signed the server's certificate";
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "EPROTO":
      return "the server speaks no TLS: its address begins with ws://";
    default:
      return code?.startsWith("CERT_") || code?.startsWith("ERR_SSL_")
        ? `the TLS handshake failed (${code})`
        : undefined;
  }
}
