// The rules of a lock under every order of claims, looks, ends, stops and beats, on a file system of the test's own;
// then the files of a real one.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { lock } from "../../shared/checkpoints/run-lock.ts";
import type { AppError } from "../../shared/errors/errors.ts";
import { type Claim, claimName, claimOf, decide, unwatched, type Watch } from "../../shared/locks/claims.ts";
import { exclusively, mustStillHold, take } from "../../shared/locks/lock.ts";
import { ownIdentity, startOf } from "../../shared/runtime/identity.ts";

const SECOND = 1_000;
const [HERE, THERE] = ["a".repeat(12), "b".repeat(12)] as const;

/** Processes that want one lock, each of whose calls of the file system is one step, in any order. */
class World {
  now = 0;
  readonly files = new Map<string, { claim: Claim; beat: number; owner: Process }>();
  private made = 0;

  make(owner: Process): string {
    const draw = ((++this.made * 7919) % 99_991).toString(16).padStart(12, "0");
    const claim = claimOf("lock", claimName("lock", draw, { pid: owner.id, started: "1", place: owner.place }, "h"))!;
    this.files.set(claim.name, { claim, beat: 0, owner });
    return claim.name;
  }

  seenBy({ place }: Process) {
    return [...this.files.values()].map(({ claim, beat, owner }) => {
      const proof =
        place !== owner.place
          ? "unknown"
          : owner.state === "dead"
            ? "gone"
            : owner.state === "dying"
              ? "dying"
              : "lives";
      return { claim, beat, proof } as const;
    });
  }
}

class Process {
  state: "runs" | "stopped" | "dying" | "dead" = "runs";
  holds: string | undefined;
  turns = 0;
  private mine: string | undefined;
  private watch: Watch = unwatched;
  private lookedAt = 0;
  private todo: (() => void)[] = [];

  readonly id: number;
  readonly place: string;
  private readonly world: World;

  constructor(id: number, place: string, world: World) {
    [this.id, this.place, this.world] = [id, place, world];
  }

  step(): void {
    if (this.state !== "runs") return;
    const next = this.todo.shift();
    if (next) next();
    else if (this.holds !== undefined) this.release();
    else this.look();
  }

  private look(): void {
    const { watch, step, gone } = decide(
      this.watch,
      this.mine,
      this.world.seenBy(this),
      this.world.now - this.lookedAt,
    );
    [this.watch, this.lookedAt] = [watch, this.world.now];
    const remove = (name: string) => () => void this.world.files.delete(name);
    this.todo = gone.map(remove);
    switch (step.type) {
      case "hold":
        this.holds = this.mine;
        break;
      case "claim":
        this.todo.push(() => {
          this.mine = this.world.make(this);
        });
        break;
      case "evict":
        this.todo.push(...step.names.map(remove));
        break;
      case "withdraw":
        this.todo.push(remove(this.mine!));
        this.mine = undefined;
    }
  }

  beat(): void {
    const claim = this.world.files.get(this.holds ?? this.mine ?? "");
    if (this.state === "runs" && claim) claim.beat++;
  }

  /** Others may have taken it over: then it may write nothing. */
  get mayWrite(): boolean {
    return this.state !== "dead" && this.holds !== undefined && this.world.files.has(this.holds);
  }

  private release(): void {
    this.world.files.delete(this.holds!);
    this.turns++;
    this.holds = this.mine = undefined;
    this.watch = unwatched;
  }
}

type Event =
  | { type: "step" | "beat" | "stop" | "go on" | "kill" | "end"; process: number }
  | { type: "time"; ms: number };
const events: fc.Arbitrary<Event>[] = [
  fc.record({ type: fc.constant("step" as const), process: fc.nat(4) }),
  fc.record({ type: fc.constantFrom("beat" as const, "stop" as const, "go on" as const), process: fc.nat(4) }),
  fc.record({ type: fc.constantFrom("kill" as const, "end" as const), process: fc.nat(4) }),
  fc.record({ type: fc.constant("time" as const), ms: fc.constantFrom(10, 500, 2_000, 30_000) }),
];
const order = fc.array(
  fc.oneof(
    { weight: 60, arbitrary: events[0]! },
    ...events.slice(1).map((arbitrary, k) => ({ weight: [8, 1, 14][k]!, arbitrary })),
  ),
  { minLength: 50, maxLength: 600 },
);

function play(
  places: readonly string[],
  happening: readonly Event[],
  check: (processes: Process[]) => void,
): { world: World; processes: Process[] } {
  const world = new World();
  const processes = places.map((place, id) => new Process(id + 1, place, world));
  for (const event of happening) {
    if (event.type === "time") world.now += event.ms;
    else {
      const process = processes[event.process % processes.length]!;
      if (event.type === "step") process.step();
      else if (event.type === "beat") process.beat();
      else if (process.state !== "dead") {
        if (event.type === "kill" || event.type === "end") process.state = event.type === "end" ? "dead" : "dying";
        else if (process.state !== "dying") process.state = event.type === "stop" ? "stopped" : "runs";
      }
    }
    check(processes);
  }
  return { world, processes };
}

describe("the rules", () => {
  const places = fc.array(fc.constantFrom(HERE, THERE), { minLength: 2, maxLength: 5 });

  test("never may two write, in whatever order they claim, look, stop, end and are taken for dead", () => {
    fc.assert(
      fc.property(places, order, (where, happening) => {
        play(where, happening, (processes) =>
          expect(processes.filter((each) => each.mayWrite).length).toBeLessThanOrEqual(1),
        );
      }),
      { numRuns: 150, seed: 18 },
    );
  });

  test("who sees each other is never taken for dead: not two even believe that they hold it, and who stands still keeps it", () => {
    fc.assert(
      fc.property(places, order, (where, happening) => {
        play(
          where.map(() => HERE),
          happening,
          (processes) => {
            const holders = processes.filter(({ holds, state }) => holds !== undefined && state !== "dead");
            expect(holders.length).toBeLessThanOrEqual(1);
            for (const holder of holders) expect(holder.mayWrite).toBe(true);
          },
        );
      }),
      { numRuns: 100, seed: 18 },
    );
  });

  test("whatever happened, all who live get it in the end, and nothing is left", () => {
    fc.assert(
      fc.property(places, order, (where, happening) => {
        const { world, processes } = play(where, happening, () => {});
        for (const each of processes)
          each.state = each.state === "dying" ? "dead" : each.state === "stopped" ? "runs" : each.state;
        const living = processes.filter(({ state }) => state === "runs");
        const before = living.map(({ turns }) => turns);
        for (let round = 0; round < 3_000 && living.some(({ turns }, k) => turns === before[k]); round++) {
          world.now += 100;
          for (const each of living) {
            if (round % 5 === 0) each.beat();
            each.step();
          }
        }
        for (const [k, each] of living.entries()) expect(each.turns).toBeGreaterThan(before[k]!);
      }),
      { numRuns: 100, seed: 18 },
    );
  });

  const other = claimOf("lock", claimName("lock", "000000000001", { pid: 1, started: "5", place: "" }, "h"))!;
  const looks = (
    proof: "lives" | "dying" | "unknown",
    beats: (look: number) => number,
    between: number,
    most = 1_000,
  ) => {
    let watch = unwatched;
    for (let look = 0; look < most; look++) {
      const decided = decide(watch, undefined, [{ claim: other, proof, beat: beats(look) }], look === 0 ? 0 : between);
      watch = decided.watch;
      if (decided.step.type === "evict") return `dead after ${look} looks`;
      if (decided.step.type === "wait" && decided.step.holder.isSure) return `alive after ${look} looks`;
    }
    return "undecided";
  };

  test("who cannot be seen is alive from its first beat on, and dead after a silence that was watched", () => {
    expect(looks("unknown", (look) => Math.floor(look / 10), 100)).toBe("alive after 10 looks");
    expect(looks("unknown", () => 7, 100)).toBe("dead after 200 looks");
    // an hour between two looks is no hour watched
    expect(looks("unknown", () => 7, 3_600 * SECOND)).toBe("dead after 40 looks");
  });

  test("who lives is given two seconds to end, who was killed ten", () => {
    expect(looks("lives", () => 0, 100)).toBe("alive after 20 looks");
    expect(looks("dying", () => 0, 100)).toBe("alive after 100 looks");
  });

  test("a name says whose the claim is, whatever the host is called; other files are no claims", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.string(), (pid, started, host) => {
        const name = claimName(".lock", "0123456789ab", { pid, started: String(started), place: "abcdef012345" }, host);
        expect(claimOf(".lock", name)).toMatchObject({ name, pid, started: String(started), place: "abcdef012345" });
        expect(name).toMatch(/^[\w.-]{1,120}$/);
      }),
    );
    for (const name of [".lock", ".lock.17", ".lock.17.1", ".lock.x", "lock", "a.lock"])
      expect(claimOf(".lock", name)).toBeUndefined();
  });
});

describe("on a disk", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tributary-lock-"));
    file = join(folder, "server.lock");
  });
  afterEach(() => {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true, force: true });
  });

  const claimOfSomebody = (more: object) =>
    writeFileSync(
      join(folder, claimName("server.lock", "000000000000", { ...ownIdentity(), ...more }, "elsewhere")),
      "",
    );

  test.each([
    ["empty", ""],
    ["torn", "4"],
    ["of a process that has ended", "4194305"],
    ["of this process's own number", String(process.pid)],
    ["of no number", "\0\0\0"],
  ])("a lock file of an earlier version that is %s is nobody's, and is not left", async (_, content) => {
    writeFileSync(file, content);
    const held = await lock(folder);
    held.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  test.skipIf(process.platform !== "linux")("a lock of a number that is somebody else's now is nobody's", async () => {
    const child = spawn("sleep", ["60"]);
    await once(child, "spawn");
    claimOfSomebody({ pid: child.pid, started: "17" });
    writeFileSync(file, String(child.pid));
    expect(await exclusively(file, undefined, async () => readdirSync(folder).length)).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
    child.kill("SIGKILL");
  });

  test.skipIf(process.platform !== "linux")(
    "a process that is dying is waited for, one that lives is named after two seconds",
    async () => {
      const child = spawn("sleep", ["60"]);
      await once(child, "spawn");
      claimOfSomebody({ pid: child.pid, started: startOf(child.pid!) });
      const refused = (await take(file, undefined, { what: "a server writes there" }).catch(
        (error) => error,
      )) as AppError;
      expect(refused).toMatchObject({
        code: "ALREADY_RUNNING",
        facts: { what: "a server writes there", pid: child.pid },
      });
      vi.spyOn(process.stderr, "write").mockReturnValue(true);
      const taking = take(file, undefined, {});
      child.kill("SIGKILL");
      (await taking).release();
    },
  );

  test("who waits says for whom, once, and stops when it is asked to", async () => {
    const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const controller = new AbortController();
    await exclusively(file, undefined, async () => {
      const waiting = exclusively(file, controller.signal, async () => "in");
      setTimeout(() => controller.abort(new Error("asked to stop")), 900);
      await expect(waiting).rejects.toThrow("asked to stop");
    });
    expect(said.mock.calls.map(([line]) => line)).toEqual([
      `waiting for process ${process.pid}, which holds ${file}\n`,
    ]);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("who was taken for dead may write nothing more", async () => {
    const outcome = exclusively(file, undefined, async ({ claim, mustHold }) => {
      mustHold();
      mustStillHold(claim);
      rmSync(claim);
      expect(() => mustStillHold(claim)).toThrow("LOCK_LOST");
      mustHold();
    });
    await expect(outcome).rejects.toMatchObject({ code: "LOCK_LOST" });
  });

  test("twenty of one process take turns", async () => {
    vi.spyOn(process.stderr, "write").mockReturnValue(true);
    let [inside, most] = [0, 0];
    const turn = async () => {
      most = Math.max(most, ++inside);
      await new Promise(setImmediate);
      inside--;
    };
    await Promise.all(Array.from({ length: 20 }, () => exclusively(file, undefined, turn)));
    expect(most).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });
});
