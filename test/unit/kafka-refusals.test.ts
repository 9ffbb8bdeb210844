// What Kafka refuses, in our words; and which broker is out of reach, told once.
import { expect, test } from "vitest";
import { interruptible } from "../../shared/kafka/interruptible.ts";
import { reachability } from "../../shared/kafka/reachability.ts";
import { refusalOf, tlsRefusal, tokenRefused } from "../../shared/kafka/refusals.ts";

const at = { host: "kafka.example", port: 9093 };
const failed = (fields: object) => Object.assign(new Error("broken"), fields);

test.each([
  [{ code: "CERT_HAS_EXPIRED" }, /its certificate has expired/],
  [{ code: "SELF_SIGNED_CERT_IN_CHAIN" }, /authority that ssl\.truststore does not name/],
  [
    { code: "ERR_TLS_CERT_ALTNAME_INVALID", cert: { subjectaltname: "DNS:a, IP Address:1.2.3.4" } },
    /is for a, 1\.2\.3\.4, not for kafka\.example/,
  ],
  [{ code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED" }, /wants a client certificate/],
  [{ code: "ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN" }, /refuses our client certificate/],
  [{ code: "ERR_SSL_WRONG_VERSION_NUMBER" }, /does not speak TLS/],
])("no TLS: %j", (fields, why) => {
  expect(tlsRefusal(failed(fields), at)?.message).toMatch(why);
  expect(tlsRefusal(failed(fields), at)?.message).toMatch(/^KAFKA_TLS_REFUSED: .*kafka\.example:9093/);
});

test.each(["ECONNRESET", "ETIMEDOUT", "ENOTFOUND", undefined])("%s may pass", (code) => {
  expect(tlsRefusal(failed({ code }), at)).toBeUndefined();
});

test.each([
  [
    { type: "TOPIC_AUTHORIZATION_FAILED" },
    /^KAFKA_FORBIDDEN: Kafka does not let us read the topic: no right on the topic: topic t/,
  ],
  [{ type: "GROUP_AUTHORIZATION_FAILED" }, /^KAFKA_FORBIDDEN: .*no right on the consumer group/],
  [{ errors: [failed({ type: "TOPIC_AUTHORIZATION_FAILED" })] }, /^KAFKA_FORBIDDEN/],
  [{ name: "KafkaJSSASLAuthenticationError" }, /^KAFKA_LOGIN_REFUSED: Kafka refuses the login: broken/],
  [{ cause: failed({ type: "SASL_AUTHENTICATION_FAILED" }) }, /^KAFKA_LOGIN_REFUSED/],
  [{ type: "ILLEGAL_SASL_STATE" }, /^KAFKA_LOGIN_REFUSED: this listener of Kafka takes no login/],
])("%j is a refusal", (fields, message) => {
  const error = refusalOf(failed(fields), "read the topic", { topic: "t" }) as Error;
  expect(error.message).toMatch(message);
});

test("any other error stays what it is", () => {
  const error = failed({ type: "LEADER_NOT_AVAILABLE" });
  expect(refusalOf(error, "read", {})).toBe(error);
});

test("a refused bearer token: the status is told, and nothing else of the answer", () => {
  expect(tokenRefused('{"status":"invalid_token","x":"abc"}').message).toMatch(
    /^KAFKA_LOGIN_REFUSED: .*: invalid_token\. /,
  );
  expect(tokenRefused("secret").message).not.toMatch(/secret/);
});

test("a broker that stays out of reach is told once, and once that it is back", () => {
  const { failed: fail, reached } = reachability();
  expect(fail(at, "nothing listens there", 0)).toBeUndefined();
  expect(fail(at, "nothing listens there", 4999)).toBeUndefined();
  expect(fail(at, "nothing listens there", 5000)).toBe(
    "Kafka's broker kafka.example:9093 cannot be reached: nothing listens there",
  );
  expect(fail(at, "nothing listens there", 9000)).toBeUndefined();
  expect(reached(at)).toBe("Kafka's broker kafka.example:9093 can be reached again");
  expect(reached(at)).toBeUndefined();
});

test("a broker that was away for a moment is no news", () => {
  const reach = reachability();
  reach.failed(at, "nothing listens there", 0);
  expect(reach.troubles).toEqual(["kafka.example:9093, nothing listens there"]);
  expect(reach.reached(at)).toBeUndefined();
  expect(reach.failed(at, "nothing listens there", 6000)).toBeUndefined();
});

test("what is interrupted ends at once, and so does what comes later", async () => {
  const { guard, interrupt } = interruptible();
  await expect(guard(Promise.resolve(1))).resolves.toBe(1);
  const waiting = guard(new Promise(() => undefined));
  interrupt(new Error("stop"));
  await expect(waiting).rejects.toThrowError("stop");
  await expect(guard(Promise.resolve(1))).rejects.toThrowError("stop");
});
