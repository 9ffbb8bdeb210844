// How a Kafka is reached: its first brokers, TLS, the login. What a client.properties and the variables come to.
import type { SecureContextOptions, SecureVersion } from "node:tls";
import { type Address, addressesIn } from "./addresses.ts";
import type { Compression } from "./codecs.ts";

export interface Tls {
  readonly options: SecureContextOptions & { readonly minVersion?: SecureVersion; readonly maxVersion?: SecureVersion };
  /** Whether the certificate must be for the name that was connected to. */
  readonly checksName: boolean;
}

/** Where a bearer token comes from. */
export type TokenSource =
  | { readonly from: "command"; readonly command: string }
  | { readonly from: "file"; readonly path: string }
  | {
      readonly from: "endpoint";
      readonly url: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scope?: string | undefined;
    };

export type Login =
  | {
      readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
      readonly username: string;
      readonly password: string;
    }
  | { readonly mechanism: "OAUTHBEARER"; readonly token: TokenSource };

export interface KafkaSettings {
  readonly brokers: readonly Address[];
  readonly clientId: string;
  readonly compression: Compression;
  /** Until a connection must stand, TLS included. */
  readonly connectMs: number;
  readonly tls: Tls | null;
  readonly login: Login | null;
}

export const defaults = {
  clientId: "tributary",
  compression: "none",
  connectMs: 3000,
  tls: null,
  login: null,
} as const;

/** A Kafka without TLS and login, as KAFKA_BROKERS names it. Throws USAGE. */
export const plainKafka = (brokers: string, name = "KAFKA_BROKERS"): KafkaSettings => ({
  ...defaults,
  brokers: addressesIn(brokers, name, "PLAINTEXT"),
});
