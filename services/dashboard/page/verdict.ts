// The first line of the page: healthy, or the one stage that is not, why, and what to do.
import { worstOf } from "../../../shared/health/rules/problem.ts";
import type { Health } from "../../../shared/health/views/health.ts";
import { clock, find, make, write, writeWithCode } from "./elements.ts";

const symbols = { loading: "…", empty: "○", starting: "…", ok: "✓", amber: "!", red: "✕", lost: "?" } as const;

interface Shown {
  readonly state: keyof typeof symbols;
  readonly word: string;
  readonly headline: string;
  readonly hint: string | null;
}

const nodes = {
  verdict: find("verdict"),
  symbol: find("symbol"),
  word: find("word"),
  headline: find("headline"),
  hint: find("hint"),
  also: find("also"),
  announcement: find("announcement"),
};

export function showVerdict(health: Health): void {
  show(health.verdict);
  const worst = worstOf(health.problems); // the headline
  const others = health.problems.filter((each) => each !== worst);
  nodes.also.hidden = others.length === 0;
  const text = others.map(({ reason }) => reason).join("\n");
  if (nodes.also.dataset.text === text) return;
  nodes.also.dataset.text = text;
  nodes.also.replaceChildren(...others.map(({ reason, level }) => withLevel(make("li", "", reason), level)));
}

/** What was last seen stays on the page, dimmed; the verdict says since when it is old. */
export function showLost(last: Health | null): void {
  const hint = last ? `last seen at ${clock(last.at)}: ${last.verdict.headline}` : "is `tributary dashboard` running?";
  show({ state: "lost", word: "Disconnected", headline: "Connection to the dashboard lost, retrying", hint });
  nodes.also.hidden = true;
}

function show({ state, word, headline, hint }: Shown): void {
  nodes.verdict.dataset.state = state;
  document.title = state === "ok" ? "Tributary" : `${symbols[state]} ${word} – Tributary`;
  write(nodes.symbol, symbols[state]);
  write(nodes.headline, headline);
  nodes.hint.hidden = hint === null;
  writeWithCode(nodes.hint, hint ?? "");
  // The headline's figures change every second; a screen reader hears of a change of state alone.
  if (nodes.word.textContent !== word) write(nodes.announcement, `${word}. ${headline}. ${hint ?? ""}`);
  write(nodes.word, word);
}

function withLevel<T extends HTMLElement>(element: T, level: string): T {
  element.dataset.state = level;
  return element;
}
