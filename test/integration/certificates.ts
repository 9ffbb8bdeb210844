// Certificates for tests, made in place: an authority, and what it signs. X.509 by hand, since Node reads certificates
// and makes none.
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

interface Issued {
  readonly cert: string;
  readonly key: string;
}

interface Issuer {
  readonly cert: string;
  /** For `host`, an IPv4 address or a name, from a day ago until so many days from now. */
  issue(host: string, days: number): Issued;
}

/** DER: a tag, a length, the content. */
function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  // as short as can be, or Java, which encodes it anew, finds another signature
  const [high, low] = [body.length >> 8, body.length & 0xff];
  const size = body.length < 128 ? [low] : high === 0 ? [0x81, low] : [0x82, high, low];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}
const sequence = (...content: readonly Uint8Array[]) => der(0x30, ...content);
const integer = (value: number) => der(0x02, Buffer.from([value]));
const octets = (content: Uint8Array) => der(0x04, content);
const bits = (content: Uint8Array) => der(0x03, Buffer.from([0]), content);
const oid = (hex: string) => der(0x06, Buffer.from(hex, "hex"));
const yes = der(0x01, Buffer.from([0xff]));
const time = (at: Date) => der(0x17, Buffer.from(`${at.toISOString().replace(/[-:T]/g, "").slice(2, 14)}Z`));

const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"));
const isAuthority = sequence(oid("551d13"), yes, octets(sequence(yes)));
const nameOf = (commonName: string) => sequence(der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from(commonName)))));
const alsoCalled = (host: string) => {
  const isAddress = /^[\d.]+$/.test(host);
  const name = isAddress ? der(0x87, Buffer.from(host.split(".").map(Number))) : der(0x82, Buffer.from(host));
  return sequence(oid("551d11"), octets(sequence(name)));
};

const DAY = 86_400_000;
const AUTHORITY = "authority of the tests";
const newKeys = () => generateKeyPairSync("ec", { namedCurve: "P-256" });

function certificate(subject: string, key: KeyObject, signer: KeyObject, extension: Buffer, days: number): string {
  const now = Date.now();
  const validity = sequence(time(new Date(now - 2 * DAY)), time(new Date(now + days * DAY)));
  const facts = sequence(
    der(0xa0, integer(2)), // version 3
    integer(1 + Math.floor(Math.random() * 100)),
    ecdsaWithSha256,
    nameOf(AUTHORITY),
    validity,
    nameOf(subject),
    key.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(extension)),
  );
  const whole = sequence(facts, ecdsaWithSha256, bits(sign("sha256", facts, signer)));
  const lines = whole.toString("base64").match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

export function authority(): Issuer {
  const own = newKeys();
  return {
    cert: certificate(AUTHORITY, own.publicKey, own.privateKey, isAuthority, 1),
    issue: (host, days) => {
      const { publicKey, privateKey } = newKeys();
      const key = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
      return { key, cert: certificate(host, publicKey, own.privateKey, alsoCalled(host), days) };
    },
  };
}
