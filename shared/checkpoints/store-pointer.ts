// Which published model of an object store is in use: one object, `current`, names it and says whether it is pinned,
// moved by whoever has seen where it stood. One object for both, so that nobody publishes past a pin.
import type { SwappingStore } from "../storage/store.ts";
import { versionPattern } from "./versions.ts";

export interface Pointer {
  /** Null before the first publication. */
  readonly version: string | null;
  readonly isPinned: boolean;
  /** Of what was read; null where there was nothing. */
  readonly tag: string | null;
}

const CURRENT = "current";
const PINNED = "pinned";

export async function readPointer(store: SwappingStore): Promise<Pointer> {
  const found = await store.find(CURRENT);
  if (!found) return { version: null, isPinned: false, tag: null };
  const [version = "", mark] = new TextDecoder().decode(found.bytes).trim().split("\n");
  return { version: versionPattern.test(version) ? version : null, isPinned: mark === PINNED, tag: found.tag };
}

/** False where it was moved since `from` was read. */
export const movePointer = (
  store: SwappingStore,
  from: Pointer,
  to: { readonly version: string; readonly isPinned: boolean },
): Promise<boolean> =>
  store.swap(CURRENT, new TextEncoder().encode(`${to.version}\n${to.isPinned ? `${PINNED}\n` : ""}`), from.tag);
