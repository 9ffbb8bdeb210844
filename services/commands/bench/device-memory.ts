// The most memory that a GPU has had taken while a bench ran, as nvidia-smi tells it: of the card, since in a container
// no process's own is told.
import { usedMib } from "../../../shared/runtime/gpu/machine.ts";

const EVERY_MS = 1_000;
const MIB = 2 ** 20;

/** From now on. `peak`: bytes, of the card that took most more than it had at first; null where no card tells. */
export function watchDeviceMemory(used: () => Promise<number[]> = usedMib): { peak(): number | null; stop(): void } {
  let first: readonly number[] | undefined;
  let most: number | null = null;
  const look = async () => {
    const now = await used();
    first ??= now;
    for (const [card, mib] of now.entries()) most = Math.max(most ?? 0, (mib - (first[card] ?? mib)) * MIB);
    if (now.length === 0) stop();
  };
  const timer = setInterval(() => void look(), EVERY_MS).unref();
  const stop = () => clearInterval(timer);
  void look();
  return { peak: () => most, stop };
}
