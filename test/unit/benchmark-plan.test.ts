// The benchmark's plan: which trial comes next, whatever trials take, however many run at once, and wherever it is
// interrupted.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  chosen,
  type Entry,
  furtherSeeds,
  isTuned,
  mostTrials,
  next,
  type Plan,
  type Trial,
  type Tried,
  triedOf,
} from "../../services/commands/compare/plan.ts";

const entry = (model: string, settings: number, more: Partial<Entry> = {}): Entry => ({
  id: model,
  kind: "neural",
  flags: [],
  model,
  settings: Array.from({ length: settings }, (_, k) => ({
    name: `setting ${k}`,
    flags: k === 0 ? [] : [`--lambda=${k}`],
  })),
  isSeeded: true,
  startsFrom: [],
  ...more,
});
const planOf = (entries: readonly Entry[], more: Partial<Plan> = {}): Plan => ({
  entries,
  seeds: [1337],
  budgetSeconds: 100,
  ...more,
});

/**
 * Runs the plan with `jobs` at once; `outcome` decides how each trial ends, `pick` which of the running ones ends next.
 * Returns starts in order.
 */
function play(
  plan: Plan,
  outcome: (trial: Trial) => Tried,
  { jobs = 1, pick = () => 0, tried = new Map<string, Tried>(), most = Number.POSITIVE_INFINITY } = {} as {
    jobs?: number;
    pick?: (running: number) => number;
    tried?: Map<string, Tried>;
    most?: number;
  },
) {
  const started: Trial[] = [];
  const running: Trial[] = [];
  while (started.length < most) {
    for (let trial = fill(); trial; trial = fill()) {
      started.push(trial);
      running.push(trial);
    }
    if (running.length === 0) break;
    const [ended] = running.splice(pick(running.length), 1);
    tried.set(ended!.id, outcome(ended!));
  }
  function fill() {
    return running.length < jobs ? next(plan, tried, new Set(running.map(({ id }) => id))) : undefined;
  }
  return { started, tried };
}
const takes = (seconds: number, validation: number | null = 0.3) => ({ seconds, validation });
const ids = (trials: readonly Trial[]) => trials.map(({ id }) => id);

describe("the order of trials", () => {
  test("gives every model its usual setting first, then the grids in turn", () => {
    const { started } = play(planOf([entry("a", 3), entry("b", 1), entry("c", 2)]), () => takes(1));
    expect(ids(started)).toEqual(["a/usual", "b/usual", "c/usual", "a/lambda=1", "c/lambda=1", "a/lambda=2"]);
  });

  test("repeats what was chosen under the other seeds, and nothing that has no seed", () => {
    const plan = planOf([entry("a", 2), entry("solved", 2, { isSeeded: false })], { seeds: [7, 8, 9] });
    const { started } = play(plan, ({ setting }) => takes(1, setting.flags.length > 0 ? 0.4 : 0.3));
    expect(ids(started)).toEqual([
      ...["a/usual", "solved/usual", "a/lambda=1", "solved/lambda=1"],
      ...["a/lambda=1+seed-8", "a/lambda=1+seed-9"],
    ]);
    expect(started.map(({ seed }) => seed)).toEqual([7, 7, 7, 7, 8, 9]);
    expect(mostTrials(plan)).toBe(6);
  });

  test("lets a model that starts from another one wait until that is chosen, and names it", () => {
    const ract = entry("ract", 1, { startsFrom: [{ entry: "mult-vae", flag: "--from" }] });
    const { started } = play(planOf([ract, entry("mult-vae", 2)]), ({ setting }) =>
      takes(1, setting.flags.length > 0 ? 0.4 : 0.3),
    );
    expect(ids(started)).toEqual(["mult-vae/usual", "mult-vae/lambda=1", "ract/usual+from-mult-vae.lambda=1"]);
    expect(started[2]!.from).toEqual([{ trial: "mult-vae/lambda=1", flag: "--from" }]);
  });

  test("never starts a model whose beginning failed", () => {
    const ract = entry("ract", 1, { startsFrom: [{ entry: "mult-vae", flag: "--from" }] });
    const plan = planOf([entry("mult-vae", 2), ract]);
    const { started, tried } = play(plan, () => takes(1, null));
    expect(ids(started)).toEqual(["mult-vae/usual", "mult-vae/lambda=1"]);
    expect(isTuned(plan, ract, tried)).toBe(false);
    expect(chosen(plan, ract, tried)).toBeUndefined();
  });

  test("runs a trial that two rows want once, for both", () => {
    const plan = planOf([entry("a", 2), entry("a", 1, { id: "ablation/none" })]);
    const { started, tried } = play(plan, () => takes(1), { jobs: 2 });
    expect(ids(started)).toEqual(["a/usual", "a/lambda=1"]);
    expect(chosen(plan, plan.entries[1]!, tried)?.id).toBe("a/usual");
    expect(mostTrials(plan)).toBe(2);
  });
});

describe("the budget", () => {
  test("is each model's own, and ends its grid when too little is left for another trial", () => {
    const { started } = play(planOf([entry("slow", 5), entry("fast", 3)]), ({ entry }) =>
      takes(entry.model === "slow" ? 45 : 1),
    );
    expect(ids(started).filter((id) => id.startsWith("slow"))).toEqual(["slow/usual", "slow/lambda=1"]);
    expect(ids(started).filter((id) => id.startsWith("fast"))).toHaveLength(3);
    expect(started.map(({ secondsLeft }) => secondsLeft)).toEqual([100, 100, 55, 99, 98]);
  });

  test("that the usual setting uses up leaves that setting", () => {
    const plan = planOf([entry("a", 3)]);
    const { started, tried } = play(plan, () => takes(140));
    expect(ids(started)).toEqual(["a/usual"]);
    expect(isTuned(plan, plan.entries[0]!, tried)).toBe(true);
    expect(chosen(plan, plan.entries[0]!, tried)?.id).toBe("a/usual");
  });
});

test("the best on validation is chosen, the earlier of equals, and never one without figures", () => {
  const plan = planOf([entry("a", 4)]);
  const figures = [0.2, 0.3, null, 0.3];
  const { tried } = play(plan, ({ setting }) => takes(1, figures[plan.entries[0]!.settings.indexOf(setting)]));
  expect(chosen(plan, plan.entries[0]!, tried)?.id).toBe("a/lambda=1");
  expect(triedOf(plan, plan.entries[0]!, tried)).toHaveLength(4);
});

describe("whatever trials take, and in whatever order they end,", () => {
  const grids = fc.array(
    fc.record({ settings: fc.integer({ min: 1, max: 4 }), isSeeded: fc.boolean(), waits: fc.boolean() }),
    {
      minLength: 1,
      maxLength: 6,
    },
  );
  const plans = fc.record({
    grids,
    seeds: fc.integer({ min: 1, max: 3 }),
    jobs: fc.integer({ min: 1, max: 4 }),
    salt: fc.nat(),
  });
  const built = ({
    grids,
    seeds,
  }: {
    grids: { settings: number; isSeeded: boolean; waits: boolean }[];
    seeds: number;
  }) =>
    planOf(
      grids.map(({ settings, isSeeded, waits }, k) =>
        entry(`m${k}`, settings, {
          isSeeded,
          startsFrom: waits && k > 0 ? [{ entry: `m${k - 1}`, flag: "--from" }] : [],
        }),
      ),
      { seeds: Array.from({ length: seeds }, (_, k) => k), budgetSeconds: 100 },
    );
  /** The same for a trial whenever it runs. */
  const outcomeOf = (salt: number) => (trial: Trial) => {
    const hash = [...trial.id].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0) + salt) % 100_003, 7);
    return takes(1 + (hash % 60), hash % 9 === 0 ? null : (hash % 1000) / 1000);
  };

  test("each trial runs once, no usual setting waits for a further one, no tuning begins beyond its budget, and all that can be tuned is", () => {
    fc.assert(
      fc.property(plans, fc.array(fc.nat()), ({ jobs, salt, ...shape }, picks) => {
        const plan = built(shape);
        let at = 0;
        const { started, tried } = play(plan, outcomeOf(salt), {
          jobs,
          pick: (running) => (picks[at++] ?? 0) % running,
        });
        expect(new Set(ids(started)).size).toBe(started.length);
        for (const each of plan.entries) {
          const own = started.filter(({ entry }) => entry.id === each.id);
          const tuning = own.slice(0, triedOf(plan, each, tried).length);
          tuning.reduce((spent, { id, secondsLeft }) => {
            expect(secondsLeft).toBeCloseTo(100 - spent, 9);
            expect(spent).toBeLessThan(100);
            return spent + tried.get(id)!.seconds;
          }, 0);
          const sourcesFailed = each.startsFrom.some(
            ({ entry }) => !chosen(plan, plan.entries.find(({ id }) => id === entry)!, tried),
          );
          expect(isTuned(plan, each, tried)).toBe(!sourcesFailed);
          expect(own.length - tuning.length).toBe(furtherSeeds(plan, each, tried).length);
        }
        const firstFurther = started.findIndex(({ setting }) => setting.flags.length > 0);
        const waiting = plan.entries.filter(({ startsFrom }) => startsFrom.length === 0);
        for (const { model } of firstFurther < 0 ? [] : waiting)
          expect(ids(started.slice(0, firstFurther + jobs))).toContain(`${model}/usual`);
      }),
    );
  });

  test("interrupted anywhere and gone on with under another number of jobs, the same trials have been run and the same are chosen", () => {
    fc.assert(
      fc.property(plans, fc.nat(20), ({ jobs, salt, ...shape }, most) => {
        const plan = built(shape);
        const whole = play(plan, outcomeOf(salt), { jobs });
        const { tried } = play(plan, outcomeOf(salt), { jobs: 1, most });
        play(plan, outcomeOf(salt), { jobs, tried });
        expect(new Set(tried.keys())).toEqual(new Set(whole.tried.keys()));
        for (const each of plan.entries)
          expect(chosen(plan, each, tried)?.id).toBe(chosen(plan, each, whole.tried)?.id);
      }),
    );
  });
});
