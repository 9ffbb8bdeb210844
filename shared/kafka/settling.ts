// What Kafka refuses for a moment: a partition that was just added is not known everywhere, or has no leader yet, and
// one whose leader moves is refused by the one before. Asked again, for some seconds. A broker that is away is another
// thing: who waits for that, and how long, others say.
import { sleep } from "../runtime/lifecycle.ts";
import { causesOf } from "./refusals.ts";

const leaders = new Set([
  ...["LEADER_NOT_AVAILABLE", "NOT_LEADER_FOR_PARTITION", "REPLICA_NOT_AVAILABLE", "OFFSET_NOT_AVAILABLE"],
  ...["FENCED_LEADER_EPOCH", "UNKNOWN_LEADER_EPOCH"],
]);
const UNKNOWN = "UNKNOWN_TOPIC_OR_PARTITION";
/** How kafkajs says that a partition has no leader. */
const NO_LEADER = /^Broker -1 /;

const SETTLES_MS = 5000;
const PAUSE_MS = 200;

interface Clock {
  now(): number;
  sleep(ms: number): Promise<unknown>;
}

/** `isThere`: the partitions are known to be there, so that one which is not known is just added. */
export async function settled<T>(
  work: () => Promise<T>,
  { isThere }: { readonly isThere: boolean },
  { now, sleep }: Clock = realClock,
): Promise<T> {
  for (const begun = now(); ; await sleep(PAUSE_MS)) {
    try {
      return await work();
    } catch (error) {
      if (now() - begun >= SETTLES_MS || !causesOf(error).some((each) => passes(each, isThere))) throw error;
    }
  }
}

function passes(error: unknown, isThere: boolean): boolean {
  const { type = "", message = "" } = error as { type?: string; message?: string };
  return leaders.has(type) || (isThere && type === UNKNOWN) || NO_LEADER.test(message);
}

const realClock: Clock = { now: () => performance.now(), sleep };
