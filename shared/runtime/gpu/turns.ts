// Which GPU a process computes on, as the environment that makes it so. Pure.
import type { Environment, Verdict, Visible } from "./verdict.ts";

/**
 * Of a trainer that is started: cards by turns. `turn` counts the trainers that run. What cannot be used nobody need
 * look at again.
 */
export function environmentOfTurn(verdict: Verdict, turn: number, env: Environment): Record<string, string> {
  if (verdict.type === "unusable") return { TRIBUTARY_GPU: "0" };
  if (verdict.type !== "usable") return {};
  const { cards } = verdict;
  // whatever is the matter with a card, the first trainer on it says
  const told = turn < cards.length ? {} : { TRIBUTARY_GPU_TOLD: "1" };
  return { ...showing(cards[turn % cards.length]!, env), ...told };
}

/** Of this process. TensorFlow would take memory of every card that it sees, and compute on the last. */
export function environmentHere(verdict: Verdict, env: Environment): Record<string, string> {
  if (verdict.type === "usable") return showing(freest(verdict.cards), env);
  return verdict.type === "none" ? {} : { CUDA_VISIBLE_DEVICES: "-1" };
}

/** The first of equals. Processes that know nothing of each other meet the less. */
export function freest(cards: readonly Visible[]): Visible {
  return cards.reduce((best, card) => ((card.freeMib ?? 0) > (best.freeMib ?? 0) ? card : best));
}

/**
 * Numbers are nvidia-smi's, in the order of the bus; where a user has chosen cards they mean what he meant. Memory is
 * taken as it is needed: the first process would take the whole card otherwise, which others share.
 */
const showing = ({ entry }: Visible, env: Environment): Record<string, string> => ({
  CUDA_VISIBLE_DEVICES: entry,
  ...(env.CUDA_DEVICE_ORDER || env.CUDA_VISIBLE_DEVICES !== undefined ? {} : { CUDA_DEVICE_ORDER: "PCI_BUS_ID" }),
  ...(env.TF_FORCE_GPU_ALLOW_GROWTH ? {} : { TF_FORCE_GPU_ALLOW_GROWTH: "true" }),
});
