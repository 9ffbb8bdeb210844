// The end of `up`: its services stop in the order in which data flows.
import type { Supervised } from "../../../shared/runtime/supervise.ts";
import { showStep } from "../../../shared/runtime/terminal.ts";

/** Source first, so that nothing new comes in; then each stage hands over what it holds; the broker last. */
export async function drain(services: readonly Supervised[]): Promise<void> {
  for (const pattern of [/^replay/, /^ingest/, /^server/, /^(trainer|evaluator|serve$)/, /^dashboard/, /^Kafka/]) {
    const group = services.filter(({ name }) => pattern.test(name));
    if (group.length === 0) continue;
    const isLeft = group.every((service) => service.stays && service.state().state === "running");
    await showStep(
      `${isLeft ? "leave running:" : "stop"} ${group.map(({ name }) => name).join(", ")}`,
      async (done) => {
        await Promise.all(group.map((service) => service.stop()));
        if (isLeft) done("`tributary broker stop` ends it");
      },
    );
  }
}
