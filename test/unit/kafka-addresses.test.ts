// How people write where Kafka is: what is taken, and what is refused with its reason.
import { expect, test } from "vitest";
import { addressesIn, allWritten } from "../../shared/kafka/addresses.ts";

test.each([
  ["127.0.0.1:9092", "127.0.0.1:9092"],
  ["[::1]:9092", "[::1]:9092"],
  ["[fe80::1%eth0]:9092", "[fe80::1%eth0]:9092"],
  ["[2001:db8::192.0.2.1]:1", "[2001:db8::192.0.2.1]:1"],
  [" a:1 , b.example:65535 ,", "a:1, b.example:65535"],
  [",a:1,,b:2", "a:1, b:2"],
  ["a:1,\nb:2\n", "a:1, b:2"],
  ["PLAINTEXT://kafka:9092", "kafka:9092"],
  ["plaintext://[::1]:9092/", "[::1]:9092"],
  ["my_kafka-0.kafka_headless.ns:9092", "my_kafka-0.kafka_headless.ns:9092"],
])("%j is taken", (text, taken) => {
  expect(allWritten(addressesIn(text, "KAFKA_BROKERS", "PLAINTEXT"))).toBe(taken);
});

test.each([
  ["", /KAFKA_BROKERS "": give HOST:PORT/],
  [" , ", /give HOST:PORT, several with commas/],
  ["127.0.0.1", /"127.0.0.1" has no port: write 127.0.0.1:9092/],
  ["[::1]", /"\[::1\]" has no port: write \[::1\]:9092/],
  ["[::1]:", /has no port/],
  ["::1:9092", /more than one colon: write an IPv6 address in brackets/],
  ["::1", /more than one colon/],
  ["a:9092;b:9092", /more than one colon/],
  ["a:9092 b:9092", /has a blank in it: put a comma/],
  ["a:kafka", /has no port from 1 to 65535/],
  ["a:0", /has no port from 1 to 65535/],
  ["a:65536", /has no port from 1 to 65535/],
  ["a:9092.5", /has no port from 1 to 65535/],
  [":9092", /has no host/],
  ["http://a:9092", /write a:9092, and the protocol as security.protocol \(now PLAINTEXT\)/],
  ["SSL://a:9092", /write a:9092, and the protocol as security.protocol \(now PLAINTEXT\)/],
  ["a:9092/topic", /has a path/],
  ["a?b:1", /no name/],
  ["[::1:9092", /more than one colon|no name/],
  ["a:1,b", /"b" has no port/],
])("%j is refused with the reason", (text, why) => {
  expect(() => addressesIn(text, "KAFKA_BROKERS", "PLAINTEXT")).toThrowError(why);
  expect(() => addressesIn(text, "KAFKA_BROKERS", "PLAINTEXT")).toThrowError(/^USAGE: KAFKA_BROKERS/);
});

test("a password before an @ is not shown", () => {
  expect(() => addressesIn("alice:secret@kafka:9092", "KAFKA_BROKERS", "SASL_SSL")).toThrowError(
    /^(?!.*secret).*sasl\.jaas\.config/,
  );
});

test("the scheme of the protocol that is spoken is passed over", () => {
  expect(addressesIn("SASL_SSL://a:1", "x", "SASL_SSL")).toEqual([{ host: "a", port: 1 }]);
});
