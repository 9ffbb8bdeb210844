// Installed by root, run by others: the steps of infra/Dockerfile in a folder of its own, then `up --once` as the
// image's user and as one without a name, the program read-only.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useBroker } from "./broker-folder.ts";
import { buildImage, type Image } from "./image.ts";

const checkout = fileURLToPath(new URL("../..", import.meta.url));
const isRoot = process.getuid?.() === 0;
if (!isRoot)
  process.stderr.write("skipped: only root can install for another user, so the image's steps were not replayed\n");

/** An id that no passwd file names, as OpenShift hands them out. */
const NAMELESS = 1_000_650_000;

describe.skipIf(!isRoot)("the image", () => {
  const broker = useBroker("image");
  const folder = mkdtempSync(join(tmpdir(), "tributary-image-"));
  let image: Image;

  beforeAll(() => {
    chmodSync(folder, 0o755);
    image = buildImage(checkout, folder, ({ at }) => lendEngine(at("/opt/cache")));
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const run = async (uid: number, gid: number, args: readonly string[]) => {
    const [program, ...first] = image.entry;
    const { HOME: _, KAFKA_BROKERS: __, ...outer } = process.env;
    const child = spawn(program === "node" ? process.execPath : program!, [...first, ...args], {
      cwd: image.directory,
      uid,
      gid,
      env: { ...outer, ...image.env, ...broker.env, HOME: uid === NAMELESS ? "/" : undefined },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    const [code] = await once(child, "close");
    return { code: code as number | null, stdout, stderr };
  };

  test("the program belongs to root, nobody else may write it, and all may read it", () => {
    expect(image.user).toBe(1000);
    const found = (...where: string[]) =>
      execFileSync("find", [image.at("/opt"), "!", "-type", "l", ...where], { encoding: "utf8" });
    expect(found("(", "-perm", "-o=w", "-o", "!", "-user", "root", ")")).toBe("");
    expect(found("!", "-perm", "-o=r", "-path", "*/node_modules/*")).toBe("");
  });

  test.each([
    ["the image's user", 1000, 1000, "a"],
    ["a user without a name, of group 0", NAMELESS, 0, "b"],
  ])(
    "%s publishes a model with `up --once`, on TensorFlow where it was built",
    async (_, uid, gid, name) => {
      const data = join(image.at("/data"), name);
      mkdirSync(data);
      chownSync(data, uid, gid);
      const { code, stdout, stderr } = await run(uid, gid, ["up", "--once", "--port", "0", "--data-dir", data]);
      expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
      expect(JSON.parse(stdout)).toMatchObject({ version: expect.anything() });
      expect(stderr).not.toContain("wasm");
      expect(readdirSync(data)).not.toEqual([]);
    },
    120_000,
  );
});

/** The engine that the checkout under test has, so that it is neither downloaded nor compiled once more. */
function lendEngine(cache: string): void {
  const target = join(cache, "tributary", "engine");
  const own = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "tributary", "engine");
  if (existsSync(target) || !existsSync(own)) return;
  mkdirSync(dirname(target), { recursive: true });
  execFileSync("cp", ["-al", realpathSync(own), target]);
}
