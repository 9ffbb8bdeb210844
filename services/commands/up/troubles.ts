// What is wrong, for `up`'s own line: services that die, hang or have given up, and those that run and wait for
// something.

import type { Answer } from "../../../shared/health/facts/flow.ts";
import { commonOf } from "../../../shared/health/status/readings.ts";
import { duration } from "../../../shared/health/views/figures.ts";
import type { Supervised } from "../../../shared/runtime/supervise.ts";
import { isSilent, type Silence } from "./silence.ts";

/** Most of a sentence that the line has room for. */
const MOST = 160;

export function troublesOf(
  services: readonly Pick<Supervised, "state">[],
  silences: ReadonlyMap<string, Silence>,
): string[] {
  return services.flatMap((service) => {
    const { name, state, level, deaths, seconds, reason, runsSeconds } = service.state();
    const why = (reason ?? "").slice(0, MOST);
    if (state === "failed") return [`! ${name} has given up: ${why}`];
    const again = runsSeconds === null ? "" : `, runs again for ${duration(runsSeconds)}`;
    if (level !== "ok") return [`! ${name} has ended ${deaths} times in ${duration(seconds)}${again}: ${why}`];
    if (state === "waiting" && deaths > 0) return [`! ${name} does not run: ${why}`];
    const silence = silences.get(name);
    return silence && isSilent(silence) ? [`! ${name} has not answered for ${duration(silence.unanswered)}`] : [];
  });
}

/** By what they say of themselves: no room on the disk, a Kafka that is away. */
export function waitsOf(answers: readonly Pick<Answer, "service" | "status">[]): string[] {
  return answers.flatMap(({ service, status }) => {
    const { heldUp, state, reason } = commonOf(status);
    const why = heldUp ?? (state === "stalled" ? (reason ?? "Kafka does not answer") : null);
    return why === null ? [] : [`! ${service} waits: ${why.slice(0, MOST)}`];
  });
}
