// The server's certificate and private key, from PEM files. With both the port speaks TLS.
import { createSecureContext } from "node:tls";
import { readNamed, readSecret } from "../../../shared/disk/named-file.ts";
import { AppError } from "../../../shared/errors/errors.ts";

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

interface Paths {
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
}

/**
 * Undefined without either. Throws as named-file.ts does; USAGE when one is missing, or they do not belong together.
 */
export function readCertificate({ tlsCert, tlsKey }: Paths): Certificate | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined)
    throw new AppError("USAGE", { what: "--tls-cert and --tls-key go together" });
  const certificate = { cert: readNamed(tlsCert), key: readSecret(tlsKey, "--tls-key") };
  try {
    createSecureContext(certificate);
  } catch (error) {
    const what = `--tls-cert and --tls-key are no PEM certificate and its private key (${(error as Error).message})`;
    throw new AppError("USAGE", { what, certificate: tlsCert, key: tlsKey }, { cause: error });
  }
  return certificate;
}
