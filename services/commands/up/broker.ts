// The broker under `up`: watched, and started again where it was. One that `tributary broker start` has started stays
// when `up` ends, and stays away when it was stopped.
import { AppError } from "../../../shared/errors/errors.ts";
import {
  answersAt,
  brokerEnded,
  brokerStatus,
  endBrokerNow,
  type StartedBroker,
  startBroker,
  stopBroker,
  wasStopped,
} from "../../../shared/kafka/broker.ts";
import { brokerFiles, lastError } from "../../../shared/kafka/broker-files.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { type Run, type Supervised, supervise } from "../../../shared/runtime/supervise.ts";

/** After a kill a large log is looked through before Kafka answers. */
const RECOVERY_MS = 600_000;

/** `moved` is called when it answers at another address than before: its port was taken by somebody meanwhile. */
export function superviseBroker(
  dataDir: string,
  first: StartedBroker,
  tell: (text: string) => void,
  moved: () => void,
): Supervised {
  const { log } = brokerFiles(pathsOf(dataDir).kafka);
  const { owner } = first;
  let { brokers } = first;

  const runOf = ({ pid }: StartedBroker): Run => {
    const watching = new AbortController();
    const ended = brokerEnded(dataDir, pid, watching.signal).then(() => ({
      code: null,
      signal: null,
      finished: false,
    }));
    // However this process ends, an owned broker is at least asked to: on a second Ctrl-C nobody waits for it.
    const last = () => owner && endBrokerNow(dataDir);
    process.once("exit", last);
    void ended.then(() => process.off("exit", last));
    return {
      pid,
      ended,
      stop: async () => {
        if (owner) await stopBroker(dataDir);
        watching.abort();
      },
    };
  };

  let newest: StartedBroker | undefined = first;
  let hasRun = true;
  let isStopped = false;
  return supervise(
    {
      name: "Kafka",
      log,
      hasStood: true,
      stays: owner === undefined,
      answers: () => answersAt(dataDir, brokers),
      wordsIn: (text) => lastError(text, Date.now()),
      start: async (signal) => {
        if (newest) {
          const run = runOf(newest);
          newest = undefined;
          return run;
        }
        if (hasRun) isStopped = !owner && wasStopped(dataDir);
        hasRun = false;
        if (isStopped && !(await brokerStatus(dataDir)).running)
          throw new AppError("BROKER_UNREACHABLE", {
            what: "the local broker was stopped: everything waits for `tributary broker start`",
          });
        const started = await startBroker(dataDir, { owner, signal, patienceMs: RECOVERY_MS });
        hasRun = true;
        tell(`Kafka is back at ${started.brokers}`);
        if (started.brokers !== brokers) {
          brokers = started.brokers;
          moved();
        }
        return runOf(started);
      },
    },
    tell,
  );
}
