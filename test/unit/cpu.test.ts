// The meter of processor time, on a clock of the test's own.
import fc from "fast-check";
import { expect, test } from "vitest";
import { CpuMeter, type Section } from "../../shared/runtime/cpu.ts";

const clocked = () => {
  const clock = { now: 7 };
  return { clock, meter: new CpuMeter(() => clock.now) };
};

test("a section's time is its own, without what sections inside it take", () => {
  const { clock, meter } = clocked();
  clock.now += 1;
  meter.in("receive", () => {
    clock.now += 2;
    meter.in("adam", () => (clock.now += 4));
    clock.now += 8;
  });
  clock.now += 16;
  meter.charge("encoder");
  expect(meter.accounts()).toEqual({
    encoder: { compute: 0, bags: 0, add: 0, adam: 4, plan: 0, receive: 10, send: 0, rest: 17 },
  });
});

test("a body that throws leaves its section", () => {
  const { clock, meter } = clocked();
  expect(() =>
    meter.in("send", () => {
      clock.now += 1;
      throw new Error("the socket is gone");
    }),
  ).toThrow("the socket is gone");
  clock.now += 2;
  meter.charge("decoder");
  expect(meter.accounts().decoder).toMatchObject({ send: 1, rest: 2 });
});

/** Time passes, sections nest, periods end within them. */
type Act = { spend: number } | { section: Section; acts: Act[] } | { charge: string };
const { acts } = fc.letrec<{ acts: Act[]; act: Act }>((tie) => ({
  acts: fc.array(tie("act"), { maxLength: 5 }),
  act: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ spend: fc.nat(9) }),
    fc.record({ charge: fc.constantFrom("encoder", "decoder", "between") }),
    fc.record({ section: fc.constantFrom<Section>("compute", "receive", "adam"), acts: tie("acts") }),
  ),
}));

test("whatever nests in whatever, every second stands in one section of one account", () => {
  fc.assert(
    fc.property(acts, (all) => {
      const { clock, meter } = clocked();
      const startedAt = clock.now;
      const play = (each: Act): void => {
        if ("spend" in each) clock.now += each.spend;
        else if ("charge" in each) meter.charge(each.charge);
        else meter.in(each.section, () => each.acts.forEach(play));
      };
      all.forEach(play);
      meter.charge("end");
      const total = Object.values(meter.accounts()).reduce(
        (sum, account) => sum + Object.values(account).reduce((a, b) => a + b),
        0,
      );
      expect(total).toBe(clock.now - startedAt);
    }),
    { seed: 1337 },
  );
});
