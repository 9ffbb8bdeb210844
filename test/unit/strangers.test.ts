// Strangers at a port: whatever they do in whatever order, each has a deadline, they are bounded, and whoever says who
// he is in time gets in.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openBook, type Rules, type Standing, siteOf } from "../../shared/http/strangers.ts";

const patience: Rules["patience"] = { asking: 70, sending: 60, answering: 100, idle: 50, refused: 10, greeting: 120 };
const rules: Rules = { most: 12, mostAt: { greeting: 4, sending: 3 }, patience };
const standings = Object.keys(patience) as Standing[];

/** What the book must be, kept in the plainest way. */
interface Model {
  readonly address: string;
  standing: Standing;
  since: number;
}

const stranger = fc.integer({ min: 0, max: 40 }).map((id) => `s${id}`);
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ came: stranger, address: fc.constantFrom("a", "b", "c") }) },
  { weight: 4, arbitrary: fc.record({ moved: stranger, standing: fc.constantFrom(...standings) }) },
  fc.record({ left: stranger }),
  fc.record({ passed: fc.integer({ min: 0, max: 80 }) }),
  fc.record({ room: fc.integer({ min: 1, max: 5 }) }),
);

test("in any order of coming, moving, leaving and waiting nobody outstays a deadline, no limit is passed, and only who is in the book is ended", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const book = openBook(rules);
      const here = new Map<string, Model>();
      let at = 0;
      const end = (ids: readonly string[]) => {
        for (const id of ids) expect(here.delete(id), `${id} was there`).toBe(true);
      };
      for (const each of actions) {
        if ("came" in each) {
          here.delete(each.came);
          end(book.came(each.came, each.address, at));
          here.set(each.came, { address: each.address, standing: "asking", since: at });
        } else if ("moved" in each) {
          const before = here.get(each.moved);
          end(book.moved(each.moved, each.standing, at));
          if (before && before.standing !== each.standing)
            Object.assign(before, { standing: each.standing, since: at });
        } else if ("left" in each) {
          book.left(each.left);
          here.delete(each.left);
        } else if ("room" in each) {
          const before = here.size;
          const gone = book.makeRoom(each.room);
          expect(gone).toHaveLength(Math.min(each.room, before));
          end(gone);
        } else {
          at += each.passed;
          end(book.overdue(at));
          for (const { standing, since } of here.values()) expect(at - since).toBeLessThan(patience[standing]);
        }
        expect(book.size).toBe(here.size);
        expect(here.size).toBeLessThanOrEqual(rules.most);
        for (const standing of ["greeting", "sending"] as const)
          expect([...here.values()].filter((one) => one.standing === standing).length).toBeLessThanOrEqual(
            rules.mostAt[standing]!,
          );
      }
      end(book.overdue(at + 200));
      expect(book.size).toBe(0);
    }),
    { seed: 1337, numRuns: 300 },
  );
});

test("who says who he is before as many others have come as there are places gets in, whatever they do", () => {
  const crowd = fc.array(
    fc.record({ address: fc.constantFrom("a", "b"), standing: fc.constantFrom(...standings, undefined) }),
    {
      maxLength: rules.most - 1,
    },
  );
  const before = fc.array(fc.constantFrom<Standing>("asking", "sending", "idle", "refused"), { maxLength: 30 });
  fc.assert(
    fc.property(before, crowd, fc.constantFrom("a", "z"), (earlier, later, address) => {
      const book = openBook(rules);
      earlier.forEach((standing, k) => {
        book.came(`e${k}`, "a", k);
        book.moved(`e${k}`, standing, k);
      });
      const ended = [...book.came("trainer", address, 30)];
      later.forEach((each, k) => {
        ended.push(...book.came(`l${k}`, each.address, 31));
        if (each.standing) ended.push(...book.moved(`l${k}`, each.standing, 31));
      });
      expect(ended).not.toContain("trainer");
    }),
    { seed: 1337, numRuns: 300 },
  );
});

describe("when all places are taken", () => {
  const full = (address: (k: number) => string, standing?: (k: number) => Standing) => {
    const book = openBook(rules);
    for (let k = 0; k < rules.most; k++) {
      book.came(`s${k}`, address(k), k);
      if (standing) book.moved(`s${k}`, standing(k), k);
    }
    return book;
  };
  test("the one who has stood longest goes", () => expect(full(() => "a").came("new", "a", 20)).toEqual(["s0"]));
  test("it is one of the address that has most of them", () =>
    expect(full((k) => (k < 2 ? "few" : "many")).came("new", "few", 20)).toEqual(["s2"]));
  test("one who is owed an answer goes last", () => {
    const book = full(
      () => "a",
      (k) => (k < 5 ? "answering" : "idle"),
    );
    expect(book.came("new", "a", 20)).toEqual(["s5"]);
  });
});

test.each([
  ["127.0.0.1", "127.0.0.1"],
  ["::ffff:10.1.2.3", "10.1.2.3"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:db8::1", "2001:db8:0:0"],
  ["::1", "0:0:0:0"],
  ["fe80::1%eth0", "fe80:0:0:0"],
])("%s counts with %s", (address, site) => {
  expect(siteOf(address)).toBe(site);
});
