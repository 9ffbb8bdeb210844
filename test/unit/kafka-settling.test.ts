// Offsets that Kafka refuses for a moment, of partitions just added and of leaders that move, are asked for again; what
// will not pass is not, and nothing is asked for ever.
import { expect, test } from "vitest";
import { settled } from "../../shared/kafka/settling.ts";

const refusal = (type: string) => Object.assign(new Error(type), { type });

/** Refuses so often, and says how often it was asked and how long that took. */
async function ask(times: number, error: Error, isThere = true) {
  let [at, asked] = [0, 0];
  const clock = {
    now: () => at,
    sleep: async (ms: number) => {
      at += ms;
    },
  };
  const work = async () => {
    if (asked++ < times) throw error;
    return "offsets";
  };
  const answer = await settled(work, { isThere }, clock).catch((thrown: Error) => thrown);
  return { answer, asked, at };
}

test.each(["UNKNOWN_TOPIC_OR_PARTITION", "LEADER_NOT_AVAILABLE", "NOT_LEADER_FOR_PARTITION"])(
  "offsets asked for right after partitions were added were refused with %s: they are asked for again",
  async (type) => {
    expect(await ask(3, refusal(type))).toMatchObject({ answer: "offsets", asked: 4 });
    const wrapped = new Error("retries exceeded", { cause: refusal(type) });
    expect(await ask(1, wrapped)).toMatchObject({ answer: "offsets", asked: 2 });
  },
);

test("a partition without a leader is waited for, five seconds and no longer", async () => {
  const error = new Error("Broker -1 not found in the cached metadata");
  expect(await ask(2, error)).toMatchObject({ answer: "offsets" });
  expect(await ask(1000, error)).toMatchObject({ answer: error, at: 5000 });
});

test("a broker that is away, a refused right and a topic that is not there are told at once", async () => {
  for (const error of [
    Object.assign(new Error("Broker 1 not found"), { name: "KafkaJSBrokerNotFound" }),
    Object.assign(new Error("closed"), { name: "KafkaJSConnectionClosedError" }),
    refusal("TOPIC_AUTHORIZATION_FAILED"),
  ])
    expect(await ask(1, error)).toMatchObject({ answer: error, asked: 1 });
  const unknown = refusal("UNKNOWN_TOPIC_OR_PARTITION");
  expect(await ask(1, unknown, false)).toMatchObject({ answer: unknown, asked: 1 });
});
