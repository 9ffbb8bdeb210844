// `npm start` where there is Node, Python with pip and a shell alone, in a checkout and with a cache below folders that
// a shell, a URL or a class path could take otherwise. Wheels and npm packages come from those tools' own caches where
// they have them; Kafka's jars are fetched.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "tributary-bare-"));
const checkout = join(folder, "Jürgen's 100% #1, a:b");
const cache = join(folder, "çache, #2%20");
const output = (program: string, args: readonly string[]) => execFileSync(program, args, { encoding: "utf8" }).trim();
const pathOf = (program: string) => realpathSync(output("sh", ["-c", `command -v ${program}`]));

beforeAll(() => {
  const files = execFileSync("git", ["ls-files", "-zco", "--exclude-standard"], { cwd: root, encoding: "utf8" }).split(
    "\0",
  );
  for (const file of files.filter((name) => name !== "" && existsSync(join(root, name)))) {
    mkdirSync(dirname(join(checkout, file)), { recursive: true });
    cpSync(join(root, file), join(checkout, file));
  }
  const programs = { node: process.execPath, npm: pathOf("npm"), sh: pathOf("sh"), env: pathOf("env") };
  mkdirSync(join(folder, "bin"));
  for (const [name, path] of Object.entries(programs)) symlinkSync(path, join(folder, "bin", name));
  mkdirSync(join(folder, "python"));
  symlinkSync(output("python3", ["-c", "import sys; print(sys.executable)"]), join(folder, "python", "python3"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs npm in the checkout, with nothing on the path but what stands above. */
async function npm(args: readonly string[], { python = true, env = {} as NodeJS.ProcessEnv } = {}) {
  const { KAFKA_BROKERS: _, JAVA_HOME: __, NODE_OPTIONS: ___, ...outer } = process.env;
  const own = Object.fromEntries(Object.entries(outer).filter(([name]) => !/^(npm_|VITEST|TRIBUTARY_)/.test(name)));
  const path = [join(folder, "bin"), ...(python ? [join(folder, "python")] : [])].join(delimiter);
  const pip = output("python3", ["-m", "pip", "cache", "dir"]);
  const child = spawn(join(folder, "bin", "npm"), args, {
    cwd: checkout,
    env: { ...own, XDG_CACHE_HOME: cache, PIP_CACHE_DIR: pip, PATH: path, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  const [code] = await once(child, "close");
  return { code: code as number | null, stdout, stderr };
}

test("without Python and Java the missing ones and KAFKA_BROKERS are told before anything is downloaded", async () => {
  const { code, stderr } = await npm(["start"], { python: false });
  expect(code).toBe(3);
  expect(stderr).toMatch(/^JAVA_MISSING: Apache Kafka needs Java 17 .*Python 3 with pip.* missing.*KAFKA_BROKERS/m);
  expect(existsSync(join(checkout, "node_modules"))).toBe(false);
});

test("a repository that gives another file than the one meant is told in one message, and nothing of it is kept", async () => {
  const server = createServer((_, answer) => answer.end("half of it")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { code, stderr } = await npm(["run", "setup"], {
    env: { TRIBUTARY_MAVEN_REPOSITORY: `http://127.0.0.1:${port}/m2` },
  });
  server.close();
  expect({ code, stderr }).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(
      /^SETUP_FAILED: Apache Kafka: http:.*\.jar is not the file .*\nNothing of it was kept/m,
    ),
  });
  expect(readdirSync(join(cache, "tributary", "kafka"))).toEqual([]);
}, 240_000);

test("`npm start` brings what is missing and publishes a model, on TensorFlow", async () => {
  const { code, stdout, stderr } = await npm(["start", "--", "--once", "--port", "0"]);
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  expect(JSON.parse(stdout.trim().split("\n").at(-1)!)).toMatchObject({ version: expect.anything() });
  if (process.platform === "linux" && process.arch === "x64") expect(stderr).not.toContain("wasm");
}, 180_000);

test("another set-up needs no network", async () => {
  const nowhere = { HTTPS_PROXY: "http://127.0.0.1:1", HTTP_PROXY: "http://127.0.0.1:1", npm_config_offline: "true" };
  const { code, stderr } = await npm(["run", "setup"], { env: nowhere });
  expect({
    code,
    fetched: stderr.split("\n").filter((line) => /^[✓!✗]/.test(line) && !line.endsWith("already there")),
  }).toEqual({
    code: 0,
    fetched: [],
  });
}, 60_000);
