// Who is at a port and not known yet: where each stands, how long it may stand there, and who goes when they are too
// many. Pure: time is an argument. port-guard.ts acts.
type Millis = number;

/**
 * `asking`: connected, and the head of a request has not come whole; `sending`: its body has not; `answering`: it is
 * owed an answer, or reads one; `idle`: it was answered, and may ask again; `refused`: it was told to go; `greeting`: a
 * websocket that has not said who it is.
 */
export type Standing = "asking" | "sending" | "answering" | "idle" | "refused" | "greeting";

export interface Rules {
  /** Longest in each standing, whatever the stranger says meanwhile: a drop of bytes prolongs nothing. */
  readonly patience: Readonly<Record<Standing, Millis>>;
  /** Strangers in all. */
  readonly most: number;
  /** Of those who may hold a message or a body that is not whole. */
  readonly mostAt: Partial<Readonly<Record<Standing, number>>>;
}

export interface Strangers {
  readonly size: number;
  /** Somebody connected from `address`; answers who must go for it. */
  came(id: string, address: string, at: Millis): string[];
  /** Somebody stands elsewhere now; answers who must go for it. Who is not in the book stays out of it. */
  moved(id: string, standing: Standing, at: Millis): string[];
  /** Closed, or known from now on: no business of this book. */
  left(id: string): void;
  /** Who has stood somewhere for too long; they are in the book no more. */
  overdue(at: Millis): string[];
  /** Who goes when there is no room left for `count` more, whatever the limits say. */
  makeRoom(count: number): string[];
}

interface Stranger {
  /** Or the block of addresses that one site has. */
  readonly address: string;
  readonly standing: Standing;
  readonly since: Millis;
}

export function openBook({ patience, most, mostAt }: Rules): Strangers {
  /** In the order in which they came to where they stand: the first has stood longest. */
  const all = new Map<string, Stranger>();
  /**
   * How many of an address may go before others do, and how many stand where: counted as they move, since a flood asks
   * for it at each connection.
   */
  const patientOf = new Map<string, number>();
  const at = new Map<Standing, number>();

  const count = ({ address, standing }: Stranger, by: 1 | -1) => {
    at.set(standing, (at.get(standing) ?? 0) + by);
    if (standing === "answering") return;
    const left = (patientOf.get(address) ?? 0) + by;
    if (left > 0) patientOf.set(address, left);
    else patientOf.delete(address);
  };
  const remove = (id: string) => {
    const stranger = all.get(id);
    if (!stranger) return undefined;
    all.delete(id);
    count(stranger, -1);
    return stranger;
  };
  const put = (id: string, stranger: Stranger) => {
    all.set(id, stranger);
    count(stranger, 1);
  };
  const evict = (isCandidate: (stranger: Stranger) => boolean): string[] => {
    for (const [id, stranger] of all) {
      if (!isCandidate(stranger)) continue;
      remove(id);
      return [id];
    }
    return [];
  };
  /**
   * The one who has stood longest, of the address that has most of them: who takes many places loses his own, and who
   * has just come has time to say who he is. Those who are owed an answer go last.
   */
  const evictAny = () => {
    if (patientOf.size === 0) return evict(() => true);
    const most = Math.max(...patientOf.values());
    return evict(({ address, standing }) => standing !== "answering" && patientOf.get(address) === most);
  };

  return {
    get size() {
      return all.size;
    },
    came(id, address, since) {
      remove(id);
      const gone = all.size >= most ? evictAny() : [];
      put(id, { address, standing: "asking", since });
      return gone;
    },
    moved(id, standing, since) {
      if (!all.has(id) || all.get(id)!.standing === standing) return [];
      const stranger = remove(id)!;
      const isFull = (at.get(standing) ?? 0) >= (mostAt[standing] ?? most);
      const gone = isFull ? evict((other) => other.standing === standing) : [];
      put(id, { ...stranger, standing, since });
      return gone;
    },
    left: (id) => void remove(id),
    overdue(now) {
      const late = [...all].filter(([, { standing, since }]) => now - since >= patience[standing]).map(([id]) => id);
      for (const id of late) remove(id);
      return late;
    },
    makeRoom: (places) => Array.from({ length: places }, evictAny).flat(),
  };
}

/** Whose places are counted together: an IPv4 address, or the 64 bits of an IPv6 address that one site has. */
export function siteOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  if (!plain.includes(":")) return plain;
  const [before = "", after = ""] = plain.split("::");
  const [head, tail] = [before, after].map((part) => part.split(":").filter((group) => group !== ""));
  const zeros = plain.includes("::") ? Array<string>(Math.max(0, 8 - head!.length - tail!.length)).fill("0") : [];
  return [...head!, ...zeros, ...tail!].slice(0, 4).join(":");
}
