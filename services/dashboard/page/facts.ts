// A list of terms and what they are now: made once for its terms, then only the texts change.
import { make, write } from "./elements.ts";

/** Without any it is hidden. */
export function showFacts(
  list: HTMLElement,
  entries: readonly { readonly title: string; readonly value: string }[],
): void {
  list.hidden = entries.length === 0;
  const isSame = entries.every(({ title }, k) => list.children[k]?.firstElementChild?.textContent === title);
  if (list.childElementCount !== entries.length || !isSame)
    list.replaceChildren(...entries.map(({ title }) => make("div", "", make("dt", "", title), make("dd", ""))));
  for (const [k, { value }] of entries.entries()) write(list.children[k]!.lastElementChild as HTMLElement, value);
}
