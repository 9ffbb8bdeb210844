// Keys to partitions as Java clients choose them, so that other producers of the topic put a user's events where ours
// are.
import { expect, test } from "vitest";
import { partitionOf } from "../../shared/kafka/partitioner.ts";

/**
 * The first six are in Kafka's own tests, the others were computed with kafkajs: no byte, bytes above 127, every
 * remainder of 4.
 */
test.each([
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
  ["", 275646681],
  ["a", -1563381124],
  ["user5", 1859898118],
  ["ü1", -1322310081],
  ["日本語の鍵 9", -1010441169],
  ["😀", 131881617],
])('the key "%s" goes where a Java client would put it', (key, hash) => {
  expect(partitionOf(key, 2 ** 31)).toBe(hash & 0x7fffffff);
  expect(partitionOf(key, 4)).toBe((hash & 0x7fffffff) % 4);
});
