// What arrives: who ranks it how well, what is laid over the model, and how long an event takes to each stage. The same
// as `tributary status` says.
import type { Health } from "../../../shared/health/views/health.ts";
import { latencyLine } from "../../../shared/health/views/latency.ts";
import { mixLine } from "../../../shared/health/views/mix.ts";
import { rankersOf } from "../../../shared/health/views/prequential.ts";
import { find, write } from "./elements.ts";
import { showFacts } from "./facts.ts";

export function showArrivals({ prequential, mix, latencies, at }: Health): void {
  const rankers = rankersOf(prequential);
  showFacts(find("arrival-facts"), rankers);
  const remarks = { "arrival-mix": mixLine(mix, at), "arrival-latency": latencyLine(latencies) };
  for (const [id, text] of Object.entries(remarks)) {
    find(id).hidden = text === undefined;
    write(find(id), text ?? "");
  }
  find("section-arrivals").hidden = rankers.length === 0 && Object.values(remarks).every((text) => text === undefined);
}
