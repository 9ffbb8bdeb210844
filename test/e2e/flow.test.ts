// The whole flow on real parts: `up` from an empty folder to a published model, a second start, Ctrl-C. Nothing is left behind.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { discover } from "../../shared/runtime/registry.ts";

const bin = fileURLToPath(new URL("../../infra/tributary.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "tributary-flow-"));
const dataDir = join(folder, "data");

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
  seconds: number;
}

function start(args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const startedAt = Date.now();
  const child = spawn(process.execPath, [bin, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve) =>
    child.once("close", (code) => resolve({ code, stdout, stderr, seconds: (Date.now() - startedAt) / 1000 })),
  );
  return { child, ended };
}

const tributary = (...args: string[]) => start(args).ended;

/** Command lines of living processes that name our folder. */
function leftBehind(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const line = readFileSync(join("/proc", pid, "cmdline"), "utf8").replaceAll("\0", " ");
        return line.includes(folder) ? [line] : [];
      } catch {
        return []; // it ended while we looked
      }
    });
}

async function until<T>(what: string, seconds: number, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

const statusOf = async (service: string) => {
  const found = discover(join(dataDir, "run")).find((process) => process.service === service);
  if (!found) return undefined;
  const response = await fetch(`${found.url}/status`).catch(() => undefined);
  return response?.ok ? ((await response.json()) as Record<string, unknown>) : undefined;
};

describe("the whole flow", () => {
  let first: Ended;

  beforeAll(async () => {
    first = await tributary("up", "--once", "--data-dir", dataDir, "--port", "0");
  }, 240_000);

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test("up --once ends with the first published model, which is no worse than popularity", () => {
    expect(first.stderr).toContain("dashboard at http://127.0.0.1:");
    expect(first.code, first.stderr).toBe(0);
    const published = JSON.parse(first.stdout) as Record<"metrics" | "popularity", Record<string, number>>;
    expect(published.metrics["ndcg@100"]).toBeGreaterThanOrEqual(published.popularity["ndcg@100"]!);
  });

  test("nothing is left running and nothing registered", () => {
    expect(leftBehind()).toEqual([]);
    expect(discover(join(dataDir, "run"))).toEqual([]);
  });

  test("the table covers every offset once, and delta-rs agrees", async () => {
    const verified = await tributary("verify", "--table", join(dataDir, "table"), "--data-dir", dataDir, "--json");
    expect(verified.code, verified.stderr + verified.stdout).toBe(0);
    const { rows } = JSON.parse(verified.stdout) as { rows: number };
    const python = process.env.TRIBUTARY_TEST_PYTHON;
    if (!python) throw new Error("TRIBUTARY_TEST_PYTHON names no Python with deltalake; `npm test` sets it");
    const script =
      "import os, sys; from deltalake import DeltaTable as D; t = D(sys.argv[1]).to_pyarrow_table(columns=['kafka_partition', 'kafka_offset']).to_pandas(); print(len(t), len(t.drop_duplicates()), flush=True); os._exit(0)"; // a library's thread aborts the ordinary exit now and then
    expect(execFileSync(python, ["-c", script, join(dataDir, "table", "events")], { encoding: "utf8" }).trim()).toBe(`${rows} ${rows}`);
  });

  test("recommend answers from the published model", async () => {
    const current = readFileSync(join(dataDir, "models", "current"), "utf8").trim();
    const model = join(dataDir, "models", current);
    const [item] = JSON.parse(readFileSync(join(model, "vocabulary.json"), "utf8")) as string[];
    const answer = await tributary("recommend", "--checkpoint", model, "--items", `${item},nowhere`, "-k", "5", "--json");
    expect(answer.code, answer.stderr).toBe(0);
    const { items } = JSON.parse(answer.stdout) as { items: { item: string; score: number }[] };
    expect(items).toHaveLength(5);
    expect(items.map((entry) => entry.item)).not.toContain(item);
  });

  test("a second start goes on where the first stopped, and Ctrl-C drains it within 15 s", async () => {
    const before = JSON.parse((await tributary("verify", "--table", join(dataDir, "table"), "--data-dir", dataDir, "--json")).stdout) as {
      rows: number;
    };
    const { child, ended } = start(["up", "--data-dir", dataDir, "--port", "0"]);
    const rows = await until("a new row in the table", 60, async () => {
      const table = (await statusOf("ingest"))?.table as { rows: number } | undefined;
      return table && table.rows > before.rows ? table.rows : undefined;
    });
    expect(rows).toBeGreaterThan(before.rows);
    await until("a model that is half as good again as popularity", 120, async () => {
      const evaluations = (await statusOf("evaluator"))?.evaluations as
        | Record<"model" | "popularity", Record<string, number> | null>[]
        | undefined;
      const newest = evaluations?.at(-1);
      return newest?.model && newest.model["ndcg@100"]! > 1.5 * newest.popularity!["ndcg@100"]! ? true : undefined;
    });
    const askedAt = Date.now();
    child.kill("SIGINT");
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(0);
    expect((Date.now() - askedAt) / 1000).toBeLessThan(15);
    expect(leftBehind()).toEqual([]);
  }, 240_000);
});
