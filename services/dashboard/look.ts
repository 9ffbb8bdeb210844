// One look at the services: what they answer, what it adds to memory and history, their health. Between poll.ts and the
// page, once a second.
import { isPassing } from "../../shared/errors/os-errors.ts";
import { type Answer, type Flow, flowOf } from "../../shared/health/facts/flow.ts";
import { moved } from "../../shared/health/facts/memory.ts";
import { type Health, healthOf } from "../../shared/health/views/health.ts";
import { nothingRemembered, type Remembered, remember } from "../../shared/health/views/remember.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { stepsOf } from "./clock.ts";
import { type History, sampleEvery } from "./history.ts";
import { newsOf, type Told, toldAfter } from "./news.ts";
import type { ProblemFile } from "./problems.ts";
import type { Ring } from "./ring.ts";
import { sampleOf } from "./sample.ts";

interface Look {
  readonly health: Health;
  readonly news: History;
  /** It is on disk, or never will be. */
  readonly kept: Promise<unknown>;
}

interface Looking {
  ask(): Promise<Answer[]>;
  readonly ring: Ring;
  readonly problems: ProblemFile;
}

export function looker({ ask, ring, problems }: Looking): () => Promise<Look> {
  const setBy = stepsOf();
  let memory: Remembered = { ...nothingRemembered, recent: problems.before };
  let sampled: Flow | null = null;
  let told: Told = {};
  return async () => {
    const answers = await ask();
    const step = setBy();
    memory = moved(memory, step);
    sampled &&= { ...sampled, now: sampled.now + step };
    const flow = flowOf(answers, Date.now());
    memory = remember(memory, flow);
    // looks are a second apart, more or less
    const isDue = sampled === null || flow.now - sampled.now > sampleEvery - 500;
    const news = newsOf(ring.history, flow, isDue ? sampleOf(sampled, flow) : null, told);
    told = toldAfter(told, flow);
    if (isDue) sampled = flow;
    const kept = Promise.all([ring.keep(news), problems.keep(memory.recent, flow.now)]);
    return { health: healthOf(flow, memory), news, kept };
  };
}

/**
 * Once a second until aborted; a look that fails for a while, as a full disk lets it, is told, and the next one comes.
 */
export async function keepLooking(
  look: () => Promise<Look>,
  seen: (health: Health, news: History) => void,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const startedAt = performance.now();
    try {
      const { health, news, kept } = await look();
      seen(health, news);
      await kept;
    } catch (error) {
      if (!isPassing(error)) throw error;
      log.warn({ problem: (error as Error).message }, "the services could not be looked at");
    }
    await sleep(1000 - (performance.now() - startedAt), signal);
  }
}
