// The documentation tells the truth: its reference is what the code says, its links lead somewhere, every command of it
// is run or says why not.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import Fastify from "fastify";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { referencePages } from "../../infra/docs/pages.ts";
import { commands } from "../../services/all-commands.ts";
import { pageRoutes } from "../../services/dashboard/interface.ts";
import { serveModels } from "../../services/dashboard/models.ts";
import { servePages } from "../../services/dashboard/pages.ts";
import { serveStream } from "../../services/dashboard/stream.ts";
import { errors } from "../../shared/errors/errors.ts";
import { flagsOf } from "../../shared/runtime/command.ts";
import { metricTable } from "../../shared/runtime/metrics.ts";
import { variables } from "../../shared/runtime/variables.ts";
import { anchorsOf, blocksOf, flagsIn, linksOf, pathsOf } from "../markdown.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const filesOf = (...patterns: string[]) =>
  execFileSync("git", ["ls-files", "-zco", "--exclude-standard", ...patterns], { cwd: root, encoding: "utf8" })
    .split("\0")
    .filter((name) => name !== "" && existsSync(join(root, name)));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const pages = filesOf("*.md").filter((name) => !name.startsWith("test/"));
const rowsIn = (path: string) =>
  read(path)
    .split("\n")
    .filter((line) => line.startsWith("| `"));

describe("the reference", async () => {
  const made = await referencePages();
  test.each(Object.keys(made))("docs/reference/%s is what `npm run docs` writes", (name) => {
    expect(read(`docs/reference/${name}`)).toBe(made[name]);
  });

  test("has no page that is not made", () => {
    expect(filesOf("docs/reference/*")).toEqual(Object.keys(made).map((name) => `docs/reference/${name}`));
  });

  test("lists every error code with its exit code and hint", () => {
    const expected = Object.entries(errors).map(
      ([code, { exit, retryable, hint }]) =>
        `| \`${code}\` | ${exit} | ${retryable ? "yes" : "no"} | ${hint.replaceAll("|", "\\|")} |`,
    );
    expect(rowsIn("docs/reference/errors.md")).toEqual(expected);
  });

  test("lists every metric with its kind and meaning", () => {
    const expected = Object.entries(metricTable).map(
      ([name, { kind, labels, help }]) => `| \`${name}\` | ${kind} | ${labels.join(", ")} | ${help} |`,
    );
    expect(rowsIn("docs/reference/metrics.md")).toEqual(expected);
  });

  test("names every command of the command line, and says what each of its flags is", async () => {
    expect(Object.keys(commands).length).toBeGreaterThan(10);
    const [section] = read("docs/reference/commands.md").split("\n## ");
    for (const [name, load] of Object.entries(commands)) {
      expect(section).toMatch(new RegExp(`^\\| .*\`${name}\\b`, "m"));
      for (const flag of flagsOf((await load()).command)) expect(flag.text, `${name} ${flag.name}`).not.toBe("");
    }
  });

  test("names every environment variable that the code reads", async () => {
    const flags = (
      await Promise.all(Object.values(commands).map(async (load) => flagsOf((await load()).command)))
    ).flat();
    const known = new Set([
      ...Object.keys(variables),
      ...flags.map(({ name }) => `TRIBUTARY_${name.replace(/^-+/, "").toUpperCase().replaceAll("-", "_")}`),
    ]);
    /** Of others, or between processes of ours. */
    const others =
      /^(npm_|TF_|XLA_FLAGS|CUDA_DEVICE_ORDER|MALLOC_|VITEST|TRIBUTARY_(TEST_|UP$|GPU_TOLD$)|(HOME|PATH|NODE_OPTIONS|LC_ALL|HTTPS_PROXY|NODE_ENV|M2_HOME|MAVEN_\w+)$)/;
    const inCode = filesOf("services", "shared", "infra").filter((name) => /\.(ts|mjs)$/.test(name));
    const reads = inCode.flatMap((name) =>
      [
        ...read(name).matchAll(
          /\benv\.([A-Z][A-Z0-9_]+)|\benv, "([A-Z][A-Z0-9_]+)"|"(TRIBUTARY_[A-Z0-9_]+)"|\{ (\w+) \} = process\.env/g,
        ),
      ].map(([, ...found]) => ({ name, variable: found.find((each) => each !== undefined)! })),
    );
    expect(reads.length).toBeGreaterThan(10);
    for (const { name, variable } of reads)
      if (!others.test(variable)) expect(known, `${name} reads ${variable}`).toContain(variable);
  });

  test("lists the dashboard's routes", async () => {
    const app = Fastify({ exposeHeadRoutes: false });
    const found: string[] = [];
    app.addHook("onRoute", ({ method, url }) => void found.push(`${method} ${url}`));
    servePages(app, new Map([["/index.html", Buffer.from("")]]));
    serveModels(app, { modelsDir: "", tokens: undefined, log: pino({ enabled: false }), hosts: { given: new Set() } });
    serveStream(app, {} as never); // nobody asks
    await app.ready();
    expect(found.sort()).toEqual(Object.keys(pageRoutes).sort());
  });
});

describe("every page", async () => {
  const flags = (
    await Promise.all(Object.values(commands).map(async (load) => flagsOf((await load()).command)))
  ).flat();
  /** Docker's and git's. */
  const others = ["--build-arg", "--shm-size", "--gpus", "--grep"];
  const known = new Set([...flags.flatMap(({ name }) => [name, name.replace(/^--/, "--no-")]), "--help", ...others]);

  const ofToday = pages.filter((page) => page !== "CHANGELOG.md"); // which tells of flags that went
  test.each(ofToday)("%s: flags that it names are there", (page) => {
    for (const flag of flagsIn(read(page))) expect(known, `${page} names ${flag}`).toContain(flag);
  });

  test.each(pages)("%s: links lead to files and headings that are there", (page) => {
    for (const target of linksOf(read(page))) {
      if (/^(https?|mailto):/.test(target)) continue;
      const [path, anchor] = target.split("#") as [string, string?];
      const file = path === "" ? page : normalize(join(dirname(page), path));
      expect(existsSync(join(root, file)), `${page} links to ${target}`).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(read(file)), `${page} links to ${target}`).toContain(anchor);
    }
  });

  test.each(pages)("%s: files that it names are there", (page) => {
    for (const path of pathsOf(read(page))) expect(existsSync(join(root, path)), `${page} names ${path}`).toBe(true);
  });

  test.each(pages.filter((page) => /getting-started|guides\//.test(page)))(
    "%s: says of each block what it is: a command, or what one shows",
    (page) => {
      for (const { language, line } of blocksOf(read(page)))
        expect(language, `${page}:${line}`).toMatch(/^(sh|text|json|sql|ts)$/);
    },
  );

  test("below docs/ is found from the list of pages", () => {
    const listed = linksOf(read("docs/README.md")).map((target) => join("docs", target.split("#")[0]!));
    for (const page of pages.filter((name) => name.startsWith("docs/") && name !== "docs/README.md"))
      expect(listed).toContain(page);
  });

  test("marks a command that is not run with the reason", () => {
    for (const page of pages)
      for (const { mark, line } of blocksOf(read(page)))
        if (mark !== undefined) expect(mark, `${page}:${line}`).toMatch(/^(not run: .{10,}|left running)$/);
  });
});

test("the workflow runs .ci/run on Node 20, 22 and 24", () => {
  const { jobs } = parse(read(".github/workflows/ci.yml")) as {
    jobs: {
      run: { strategy: { matrix: { node: number[] } }; steps: { run?: string; with?: Record<string, string> }[] };
    };
  };
  expect(jobs.run.strategy.matrix.node).toEqual([20, 22, 24]);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: GitHub's own
  expect(jobs.run.steps.some((step) => step.with?.["node-version"] === "${{ matrix.node }}")).toBe(true);
  expect(jobs.run.steps.at(-1)).toEqual({ run: ".ci/run" });
});

test("the newest release of the changelog is the package's version", () => {
  const [, newest] = /^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$/m.exec(read("CHANGELOG.md"))!;
  const versions = [JSON.parse(read("package.json")), JSON.parse(read("package-lock.json"))] as { version: string }[];
  expect(versions.map(({ version }) => version)).toEqual([newest, newest]);
});

describe("the README", () => {
  const lines = read("README.md").split("\n");

  test("is at most 200 lines of at most 160 columns", () => {
    expect(lines.length).toBeLessThanOrEqual(201);
    for (const line of lines) expect([...line].length, line).toBeLessThanOrEqual(160);
  });

  test("shows the first command within a screen", () => {
    expect(blocksOf(lines.join("\n")).find(({ language }) => language === "sh")!.line).toBeLessThan(30);
  });

  test.each(["npm start", "npm test"])("names `%s`", (command) => expect(lines.join("\n")).toContain(command));
});
