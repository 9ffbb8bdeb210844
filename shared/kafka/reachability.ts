// Which of Kafka's brokers are out of reach, and for how long: each is told once, with its name and the reason, and
// again when it is back. Pure.
import { type Address, written } from "./addresses.ts";

/** A restart of a broker is none of it. */
const PATIENCE_MS = 5000;

export interface Reachability {
  /** What is to be told now. */
  failed(address: Address, reason: string, now: number): string | undefined;
  reached(address: Address): string | undefined;
  /** Of those that are out of reach now, each with its reason. */
  readonly troubles: readonly string[];
}

export function reachability(): Reachability {
  const away = new Map<string, { readonly since: number; readonly reason: string; readonly told: boolean }>();
  return {
    failed: (address, reason, now) => {
      const name = written(address);
      const { since, told } = away.get(name) ?? { since: now, told: false };
      const tell = !told && now - since >= PATIENCE_MS;
      away.set(name, { since, reason, told: told || tell });
      return tell ? `Kafka's broker ${name} cannot be reached: ${reason}` : undefined;
    },
    reached: (address) => {
      const name = written(address);
      const before = away.get(name);
      away.delete(name);
      return before?.told ? `Kafka's broker ${name} can be reached again` : undefined;
    },
    get troubles() {
      return [...away].map(([name, { reason }]) => `${name}, ${reason}`);
    },
  };
}
