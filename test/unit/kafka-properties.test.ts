// What a client.properties comes to: brokers, TLS and login, every problem at once, and no secret in any of them.
import { describe, expect, test } from "vitest";
import { AppError } from "../../shared/errors/errors.ts";
import { parseJaas } from "../../shared/kafka/jaas.ts";
import { parsePem } from "../../shared/kafka/pem.ts";
import { settingsFrom } from "../../shared/kafka/properties.ts";

const CERTIFICATE = `-----BEGIN CERTIFICATE-----\n${"A".repeat(64)}\n${"B".repeat(20)}\n-----END CERTIFICATE-----\n`;
const KEY = `-----BEGIN PRIVATE KEY-----\n${"C".repeat(64)}\n-----END PRIVATE KEY-----\n`;
const files: Readonly<Record<string, string>> = {
  "ca.pem": CERTIFICATE,
  "own.pem": KEY + CERTIFICATE,
  "store.jks": "þíþí",
};
const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="s3cret";';

function read(properties: Readonly<Record<string, string>>, brokers: string | undefined = "kafka:9092") {
  const warnings: string[] = [];
  const given = new Map(Object.entries(properties).map(([key, value]) => [key, { value, name: key }]));
  const place = brokers === undefined ? undefined : { value: brokers, name: "KAFKA_BROKERS" };
  const text = (path: string) => {
    if (files[path] === undefined) throw new AppError("FILE_MISSING", { what: `no file ${path}` });
    return files[path];
  };
  return { settings: settingsFrom(given, place, text, (warning) => warnings.push(warning)), warnings };
}

describe("settings", () => {
  test("brokers alone are a Kafka without TLS and login", () => {
    const { settings } = read({ "bootstrap.servers": "a:1,[::1]:2" }, undefined);
    expect(settings).toEqual({
      brokers: [
        { host: "a", port: 1 },
        { host: "::1", port: 2 },
      ],
      clientId: "tributary",
      compression: "none",
      connectMs: 3000,
      tls: null,
      login: null,
    });
  });

  test("what the pairs say is stronger than KAFKA_BROKERS", () => {
    expect(read({ "bootstrap.servers": "a:1" }, "b:2").settings.brokers).toEqual([{ host: "a", port: 1 }]);
  });

  test("TLS with an authority, a client certificate and a password of its key", () => {
    const { tls } = read({
      "security.protocol": "ssl",
      "ssl.truststore.type": "PEM",
      "ssl.truststore.location": "ca.pem",
      "ssl.keystore.location": "own.pem",
      "ssl.key.password": "s3cret",
      "ssl.enabled.protocols": "TLSv1.3",
    }).settings;
    expect(tls).toEqual({
      options: {
        ca: CERTIFICATE,
        cert: CERTIFICATE,
        key: KEY,
        passphrase: "s3cret",
        minVersion: "TLSv1.3",
        maxVersion: "TLSv1.3",
      },
      checksName: true,
    });
  });

  test("certificates that stand in the file itself, on one line", () => {
    const { tls } = read({
      "security.protocol": "SSL",
      "ssl.truststore.certificates": CERTIFICATE.replaceAll("\n", " "),
      "ssl.keystore.key": KEY.replaceAll("\n", ""),
      "ssl.keystore.certificate.chain": CERTIFICATE.replaceAll("\n", ""),
    }).settings;
    expect(tls?.options).toEqual({ ca: CERTIFICATE, cert: CERTIFICATE, key: KEY });
  });

  test.each([
    ["", false],
    ["none", false],
    ["https", true],
    ["HTTPS", true],
  ])("ssl.endpoint.identification.algorithm %j", (value, checksName) => {
    const properties = { "security.protocol": "SSL", "ssl.endpoint.identification.algorithm": value };
    expect(read(properties).settings.tls?.checksName).toBe(checksName);
  });

  test.each([
    ["PLAIN", plain],
    ["SCRAM-SHA-256", plain.replace("plain.Plain", "scram.Scram")],
    ["SCRAM-SHA-512", plain.replace("plain.Plain", "scram.Scram")],
  ])("the login %s", (mechanism, jaas) => {
    const { settings } = read({
      "security.protocol": "SASL_PLAINTEXT",
      "sasl.mechanism": mechanism,
      "sasl.jaas.config": jaas,
    });
    expect(settings.login).toEqual({ mechanism, username: "alice", password: "s3cret" });
    expect(settings.tls).toBeNull();
  });

  test("a bearer token by client credentials, from the login module or keys of their own", () => {
    const oauth = {
      "security.protocol": "SASL_SSL",
      "sasl.mechanism": "OAUTHBEARER",
      "sasl.oauthbearer.token.endpoint.url": "https://idp/token",
    };
    const token = {
      from: "endpoint",
      url: "https://idp/token",
      clientId: "me",
      clientSecret: "s3cret",
      scope: "kafka",
    };
    const module = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule";
    const jaas = `${module} required clientId="me" clientSecret="s3cret" scope="kafka";`;
    expect(read({ ...oauth, "sasl.jaas.config": jaas }).settings.login).toEqual({ mechanism: "OAUTHBEARER", token });
    const own = {
      "sasl.oauthbearer.client.credentials.client.id": "me",
      "sasl.oauthbearer.client.credentials.client.secret": "s3cret",
      "sasl.oauthbearer.scope": "kafka",
    };
    expect(read({ ...oauth, ...own }).settings.login).toEqual({ mechanism: "OAUTHBEARER", token });
  });

  test("a bearer token from a command, or from a file", () => {
    const oauth = { "security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER" };
    const by = (pairs: Readonly<Record<string, string>>) => read({ ...oauth, ...pairs }).settings.login;
    expect(by({ "sasl.oauthbearer.token.command": "vault read" })).toMatchObject({ token: { from: "command" } });
    expect(by({ "sasl.oauthbearer.token.endpoint.url": "file:///run/token" })).toMatchObject({
      token: { from: "file", path: "/run/token" },
    });
  });

  test("keys of Java's client without a meaning here are named in a warning", () => {
    const { warnings } = read({ "session.timeout.ms": "45000", acks: "all", "schema.registry.url": "http://r" });
    expect(warnings).toEqual([expect.stringMatching(/session\.timeout\.ms, acks, schema\.registry\.url/)]);
  });

  test("what security.protocol leaves out is named in a warning", () => {
    const { warnings, settings } = read({ "sasl.jaas.config": plain, "ssl.truststore.location": "ca.pem" });
    expect(settings).toMatchObject({ tls: null, login: null });
    expect(warnings.join("\n")).toMatch(/without TLS.*\n.*without a login/);
  });

  test.each<[Readonly<Record<string, string>>, RegExp]>([
    [
      { "sasl.jaas.confg": plain },
      /sasl\.jaas\.confg is no setting of a Kafka client \(did you mean sasl\.jaas\.config\?\)/,
    ],
    [{ "bootstrap.server": "a:1" }, /did you mean bootstrap\.servers/],
    [{ "no.such.thing": "1" }, /no\.such\.thing is no setting of a Kafka client(?! \()/],
    [{ "security.protocol": "TLS" }, /security\.protocol: give one of PLAINTEXT, SSL/],
    [{ "security.protocol": "SASL_SSL" }, /sasl\.mechanism: give one of PLAIN/],
    [{ "security.protocol": "SASL_SSL", "sasl.mechanism": "GSSAPI" }, /sasl\.mechanism: give one of/],
    [{ "security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN" }, /username="\.\.\." and password/],
    [
      { "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-256", "sasl.jaas.config": plain },
      /not that of sasl\.mechanism/,
    ],
    [{ "security.protocol": "SASL_SSL", "sasl.jaas.config": plain.slice(0, -1) }, /semicolon at its end is missing/],
    [{ "security.protocol": "SASL_SSL", "sasl.jaas.config": plain.replace('t"', "t") }, /quotation mark is not closed/],
    [
      { "security.protocol": "SASL_SSL", "sasl.jaas.config": 'com.x.Krb5LoginModule required a="s3cret";' },
      /login module must be one of/,
    ],
    [
      { "security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER" },
      /token\.endpoint\.url or sasl\.oauthbearer\.token\.command/,
    ],
    [{ "security.protocol": "SSL", "ssl.truststore.location": "store.jks" }, /no PEM.*keytool/],
    [{ "security.protocol": "SSL", "ssl.truststore.location": "none.pem" }, /no file none\.pem/],
    [{ "security.protocol": "SSL", "ssl.keystore.location": "ca.pem" }, /private key and its certificate/],
    [{ "compression.type": "lzo" }, /compression\.type: give one of none, gzip/],
    [{ "bootstrap.servers": "a", "compression.type": "lzo" }, /has no port.*compression\.type/],
  ])("%j is refused", (properties, why) => {
    expect(() => read(properties)).toThrowError(why);
    expect(() => read(properties)).toThrowError(/^USAGE: (?!.*s3cret)/);
  });

  test("without any broker it is said where to name them", () => {
    const given = new Map([["client.id", { value: "x", name: "client.id" }]]);
    expect(() => settingsFrom(given, undefined, String, () => undefined)).toThrowError(/bootstrap\.servers is missing/);
  });
});

describe("a login module", () => {
  test("has options with blanks, quotes, equals signs and semicolons in them", () => {
    const text = `a.b.PlainLoginModule  required\n\tusername = 'al ice' password="p=\\"x\\";\\\\" serviceName=kafka ;`;
    expect(parseJaas(text)).toEqual({
      module: "PlainLoginModule",
      options: { username: "al ice", password: 'p="x";\\', serviceName: "kafka" },
    });
  });

  test.each([
    "",
    ";",
    "x",
    "x required",
    "x maybe a=b;",
    "x required a;",
    "x required a=;",
    "x required =b;",
    "x required a=b; y required c=d;",
  ])("%j is none", (text) => expect(() => parseJaas(text)).toThrowError());
});

test("PEM: all certificates and the first key, whatever stands between them", () => {
  const pem = parsePem(`Bag Attributes\n${CERTIFICATE}# and\n${KEY}${CERTIFICATE}`);
  expect(pem).toEqual({ certificates: CERTIFICATE + CERTIFICATE, key: KEY });
});
