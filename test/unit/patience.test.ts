// A full disk ends nothing: what cannot be written waits, is told once, and goes on when there is room; what it tore is
// no line.
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { openLines } from "../../services/evaluator/lines.ts";
import { temporary } from "../../services/evaluator/telling.ts";
import { patiently, positionFile } from "../../services/replay/position.ts";
import { openLineFile } from "../../shared/disk/line-file.ts";
import { AppError } from "../../shared/errors/errors.ts";
import { openPatience } from "../../shared/runtime/patience.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-patience-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const refusal = (code: string) => Object.assign(new Error(`${code}: it was refused`), { code });
/** Refuses so often, then works. */
const refusing = (times: number, code: string) => async () => {
  if (times-- > 0) throw refusal(code);
  return "done";
};
function log() {
  const lines: string[] = [];
  return { lines, log: pino({}, { write: (line: string) => void lines.push(line) }) };
}

test.each(["ENOSPC", "EDQUOT", "EIO", "EMFILE", "ENFILE", "EROFS"])(
  "%s passes: it is waited for, told once, and the end of it too",
  async (code) => {
    const told = log();
    const patience = openPatience(told.log, undefined, 1);
    const work = patience.through("the page cannot be written", refusing(5, code));
    await new Promise((resolve) => setImmediate(resolve));
    expect(patience.waiting).toMatch(/^the page cannot be written: .*refused/);
    await expect(work).resolves.toBe("done");
    expect(patience.waiting).toBeNull();
    expect(told.lines).toHaveLength(2);
  },
);

test.each([
  ["an error of ours", new AppError("TABLE_CORRUPT", { what: "x" })],
  ["a file that is not there", refusal("ENOENT")],
  ["a mistake", new TypeError("x is not a function")],
])("%s is not waited for", async (_, error) => {
  const told = log();
  const patience = openPatience(told.log, undefined, 1);
  const work = patience.through("it cannot be written", async () => {
    throw error;
  });
  await expect(work).rejects.toBe(error);
  expect(told.lines).toEqual([]);
});

test("who is asked to stop while it waits hears what the disk said", async () => {
  const stopping = new AbortController();
  const work = openPatience(log().log, stopping.signal, 60_000).through("it cannot be written", refusing(9, "ENOSPC"));
  stopping.abort();
  await expect(work).rejects.toMatchObject({ code: "ENOSPC" });
});

test("the evaluator looks again after whatever passes, and ends with the rest", () => {
  const passOver = temporary(log().log, new AbortController().signal);
  for (const code of ["ENOSPC", "EDQUOT", "EMFILE", "EIO"]) expect(passOver(refusal(code))).toBeUndefined();
  expect(() => passOver(new TypeError("x"))).toThrow(TypeError);
});

test("replay sends nothing more before its position is kept", async () => {
  const saves: number[] = [];
  let refusals = 2;
  const file = {
    found: null,
    save: (position: number) => {
      if (refusals-- > 0) throw refusal("ENOSPC");
      saves.push(position);
    },
  };
  await patiently(file, openPatience(log().log, undefined, 1)).save(7, {});
  expect(saves).toEqual([7]);
  // a full disk would refuse its folder: it is made when something is kept
  const kept = positionFile(join(folder, "not", "there"), "a stream");
  await kept.save(3, {});
  expect(positionFile(join(folder, "not", "there"), "a stream").found).toMatchObject({ position: 3 });
});

test("regression: a half line of a killed process neither stops the next start nor takes the line after it along", async () => {
  const file = join(folder, "torn");
  appendFileSync(file, '{"at":1}\n{"a');
  const lines = await openLineFile(file);
  expect(lines.lines).toEqual(['{"at":1}', '{"a']);
  await lines.append('{"at":2}');
  await lines.append('{"at":3}');
  const { recent } = await openLines(file, z.object({ at: z.number() }), 10, 100);
  expect(recent).toEqual([{ at: 1 }, { at: 2 }, { at: 3 }]);
  await lines.rewrite('{"at":4}\n');
  await lines.append('{"at":5}');
  expect(readFileSync(file, "utf8")).toBe('{"at":4}\n{"at":5}\n');
});
