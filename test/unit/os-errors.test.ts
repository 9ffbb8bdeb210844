// What the operating system or another thread says, as one of our errors: a code, a hint, no stack.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, expect, test } from "vitest";
import { AppError } from "../../shared/errors/errors.ts";
import { errorOf, plainError } from "../../shared/errors/thread-errors.ts";
import { asAppError } from "../../shared/runtime/lifecycle.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-os-errors-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const system = (code: string, more: object = {}) =>
  Object.assign(new Error(`${code}: it was refused`), { code, ...more });
const thrown = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

test.each([
  ["ENOSPC", "DISK_FULL"],
  ["EDQUOT", "DISK_FULL"],
  ["EROFS", "READ_ONLY"],
  ["EMFILE", "TOO_MANY_FILES"],
  ["ENFILE", "TOO_MANY_FILES"],
  ["EIO", "DISK_FAILED"],
  ["ESTALE", "DISK_FAILED"],
  ["ENOTSUP", "FILE_SYSTEM_UNFIT"],
  ["EFBIG", "FILE_SYSTEM_UNFIT"],
  ["ERR_WORKER_OUT_OF_MEMORY", "MEMORY_EXHAUSTED"],
])("%s is %s, with a path or without", (code, ours) => {
  for (const error of [system(code), system(code, { path: "/data/x" })])
    expect(asAppError(error)).toMatchObject({ code: ours });
});

test.each([
  ["a file where a folder should be", () => statSync(join(file(), "below"))],
  ["a folder where a file should be", () => readFileSync(folder)],
  ["a folder over a file", () => mkdirSync(file(), { recursive: true })],
  ["a name that is too long", () => statSync(join(folder, "x".repeat(300)))],
  ["links in a circle", () => statSync(circle())],
])("%s is FILE_UNREADABLE", (_, work) => {
  expect(asAppError(thrown(work))).toMatchObject({ code: "FILE_UNREADABLE" });
});

test("what is not there is FILE_MISSING, and a program that is not there is named", () => {
  expect(asAppError(thrown(() => statSync(join(folder, "nothing"))))).toMatchObject({ code: "FILE_MISSING" });
  expect(asAppError(system("ENOENT", { syscall: "spawn java", path: "java" }))?.message).toMatch(
    "java cannot be started",
  );
});

test.each([
  ["mkdir", folder, "READ_ONLY"],
  ["rename", folder, "READ_ONLY"],
  ["open", join(folder, "new"), "READ_ONLY"],
  ["open", join(folder, "nothing", "below"), "FILE_UNREADABLE"],
  ["scandir", folder, "FILE_UNREADABLE"],
])("EACCES of %s says whether it was to be read or to be written", (syscall, path, code) => {
  expect(asAppError(system("EACCES", { syscall, path }))).toMatchObject({ code });
});

test("regression: a folder that a read-only file system does not let be made is READ_ONLY, though Node says that it is not there", () => {
  const error = system("ENOENT", { syscall: "mkdir", path: join(folder, "new") });
  expect(asAppError(error)).toMatchObject({ code: "READ_ONLY", message: expect.stringMatching("cannot be made") });
});

test("a port that only the administrator may open is the user's to change", () => {
  expect(asAppError(system("EACCES", { syscall: "listen", port: 80 }))?.message).toMatch(
    /^USAGE: this user may not open port 80/,
  );
});

test.each(["EPIPE", "ECONNREFUSED", "ERR_ASSERTION"])(
  "%s stays what it is: an error of ours, or of a connection",
  (code) => {
    expect(asAppError(system(code))).toBeUndefined();
  },
);

test("a thread hands over code, facts and what the system said", () => {
  const ours = new AppError("TABLE_UNSUPPORTED", { what: "reader 1, writer 4", version: 7 });
  expect(asAppError(errorOf(structuredClone(plainError(ours))))).toMatchObject({
    code: ours.code,
    facts: ours.facts,
    message: ours.message,
  });
  const theirs = system("EACCES", { syscall: "mkdir", path: folder });
  expect(asAppError(errorOf(structuredClone(plainError(theirs))))).toMatchObject({ code: "READ_ONLY" });
});

test.each(["at once", "later"])(
  "regression: an error that ends a thread %s keeps its code, whatever caused it",
  async (when) => {
    const source = `
    const facts = { what: "writer 4" };
      const told = { name: "AppError", code: "TABLE_UNSUPPORTED", facts, cause: { work() {} } };
      const error = Object.assign(new Error("TABLE_UNSUPPORTED: writer 4"), told);
    if (${JSON.stringify(when)} === "at once") throw error;
    setTimeout(() => { throw error; }, 1);`;
    const worker = new Worker(source, { eval: true, execArgv: [] });
    const error = await new Promise((resolve) => worker.once("error", resolve));
    expect(error).not.toBeInstanceOf(AppError);
    expect(asAppError(error)).toMatchObject({ code: "TABLE_UNSUPPORTED", facts: { what: "writer 4" } });
  },
);

function file(): string {
  writeFileSync(join(folder, "file"), "");
  return join(folder, "file");
}

function circle(): string {
  const path = join(folder, "circle");
  rmSync(path, { force: true });
  symlinkSync(path, path);
  return path;
}
