// Which GPU a process computes on, as the environment that makes it so. Pure.
import type { Environment, Verdict, Visible } from "./verdict.ts";

/**
 * Of a trainer that is started: cards by turns. `turn` counts the trainers that run. What cannot be used nobody need
 * look at again, unless it may be usable soon.
 */
export function environmentOfTurn(verdict: Verdict, turn: number, env: Environment): Record<string, string> {
  if (verdict.type === "unusable") return unusable(verdict);
  if (verdict.type !== "usable") return {};
  const { cards } = verdict;
  return { ...showing([cards[turn % cards.length]!], env), ...sharing([turn], cards) };
}

/** Of a run that starts trainers of its own: its turns' cards come first, so that runs side by side do not meet. */
export function environmentOfRun(verdict: Verdict, turns: readonly number[], env: Environment): Record<string, string> {
  if (verdict.type === "unusable") return unusable(verdict);
  if (verdict.type !== "usable") return {};
  const { cards } = verdict;
  const first = turns.map((turn) => cards[turn % cards.length]!);
  return { ...showing([...new Set([...first, ...cards])], env), ...sharing(turns, cards) };
}

/** Of a service that takes no turn: it finds the freest card by itself. */
export const environmentOfService = (verdict: Verdict): Record<string, string> =>
  verdict.type === "unusable" ? unusable(verdict) : {};

/** Of this process. TensorFlow would take memory of every card that it sees, and compute on the last. */
export function environmentHere(verdict: Verdict, env: Environment): Record<string, string> {
  if (verdict.type === "usable") return showing([freest(verdict.cards)], env);
  return verdict.type === "none" ? {} : { CUDA_VISIBLE_DEVICES: "-1" };
}

/** The first of equals. Processes that know nothing of each other meet the less. */
export function freest(cards: readonly Visible[]): Visible {
  return cards.reduce((best, card) => ((card.freeMib ?? 0) > (best.freeMib ?? 0) ? card : best));
}

const told = { TRIBUTARY_GPU_TOLD: "1" };
export const onCpu = { TRIBUTARY_GPU: "0" };

const unusable = ({ mayPass }: Verdict & { type: "unusable" }) => (mayPass ? told : onCpu);

/** Whatever is the matter with a card, the first on it says. */
const sharing = ([first]: readonly number[], cards: readonly Visible[]) => (first! < cards.length ? {} : told);

/**
 * Numbers are nvidia-smi's, in the order of the bus; where a user has chosen cards they mean what he meant. Memory is
 * taken as it is needed: the first process would take the whole card otherwise, which others share.
 */
const showing = (cards: readonly Visible[], env: Environment): Record<string, string> => ({
  CUDA_VISIBLE_DEVICES: cards.map(({ entry }) => entry).join(),
  ...(env.CUDA_DEVICE_ORDER || env.CUDA_VISIBLE_DEVICES !== undefined ? {} : { CUDA_DEVICE_ORDER: "PCI_BUS_ID" }),
  ...(env.TF_FORCE_GPU_ALLOW_GROWTH ? {} : { TF_FORCE_GPU_ALLOW_GROWTH: "true" }),
});
