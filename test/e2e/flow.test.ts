// The whole flow on real parts: `up` from an empty folder to a published model, a second start, Ctrl-C. Nothing is left
// behind.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { statuses } from "../../shared/health/status/readings.ts";
import { discover } from "../../shared/http/registry.ts";
import { type ServiceName, type StatusOf, silent, statusAt } from "../integration/said.ts";

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

const statusOf = async <S extends ServiceName>(service: S): Promise<StatusOf<S> | undefined> => {
  const found = discover(join(dataDir, "run")).find((process) => process.service === service);
  return found && (await statusAt(service, found.url).catch(silent));
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
      // a library's thread aborts the ordinary exit now and then
      "import os, sys; from deltalake import DeltaTable as D; t = " +
      "D(sys.argv[1]).to_pyarrow_table(columns=['kafka_partition', 'kafka_offset']).to_pandas(); print(len(t), " +
      "len(t.drop_duplicates()), flush=True); os._exit(0)";
    expect(execFileSync(python, ["-c", script, join(dataDir, "table", "events")], { encoding: "utf8" }).trim()).toBe(
      `${rows} ${rows}`,
    );
  });

  test("recommend answers from the published model", async () => {
    const current = readFileSync(join(dataDir, "models", "current"), "utf8").trim();
    const model = join(dataDir, "models", current);
    const [item] = JSON.parse(readFileSync(join(model, "vocabulary.json"), "utf8")) as string[];
    const answer = await tributary(
      "recommend",
      "--checkpoint",
      model,
      "--items",
      `${item},nowhere`,
      "-k",
      "5",
      "--json",
    );
    expect(answer.code, answer.stderr).toBe(0);
    const { items } = JSON.parse(answer.stdout) as { items: { item: string; score: number }[] };
    expect(items).toHaveLength(5);
    expect(items.map((entry) => entry.item)).not.toContain(item);
  });

  describe("a second start", () => {
    let up: ReturnType<typeof start>;
    let before: number;

    beforeAll(async () => {
      const verified = await tributary("verify", "--table", join(dataDir, "table"), "--data-dir", dataDir, "--json");
      before = (JSON.parse(verified.stdout) as { rows: number }).rows;
      up = start(["up", "--data-dir", dataDir, "--port", "0"]);
    }, 60_000);

    test("goes on where the first stopped, to a model that is half as good again as popularity", async () => {
      await until("a new row in the table", 60, async () => {
        const { rows } = (await statusOf("ingest"))?.table ?? {};
        return rows !== undefined && rows > before ? rows : undefined;
      });
      await until("a model that is half as good again as popularity", 120, async () => {
        const newest = (await statusOf("evaluator"))?.evaluations.at(-1);
        return newest?.model && newest.model["ndcg@100"] > 1.5 * newest.popularity!["ndcg@100"] ? true : undefined;
      });
    }, 240_000);

    test("every service says at /status what its schema tells of, and no more", async () => {
      for (const service of Object.keys(statuses) as ServiceName[])
        expect(await statusOf(service), service).toMatchObject({ service });
    });

    test("shows on the page: values move, a stopped ingest turns red and is named, a rollback needs the operator's token", async () => {
      const tokens = join(folder, "tokens");
      writeFileSync(tokens, "operator open-sesame\n", { mode: 0o600 });
      const dashboard = start(["dashboard", "--data-dir", dataDir, "--port", "0", "--token-file", tokens]);
      const browser = await chromium.launch({
        executablePath: process.env.TRIBUTARY_TEST_CHROMIUM ?? "/usr/bin/chromium",
        args: ["--no-sandbox"],
      });
      try {
        const url = await until(
          "the dashboard",
          20,
          async () => discover(join(dataDir, "run")).find(({ pid }) => pid === dashboard.child.pid)?.url,
        );
        const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
        await page.goto(url);
        const told = (selector: string, text: RegExp) =>
          page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: 30_000 });
        await told("#headline", /^Training: round \d/);
        await told("#chart-events .reading", /\d/);
        const step = page.locator("#training-facts dd").first();
        const [was, drawn] = [await step.textContent(), await page.locator("#chart-lag canvas").evaluate(pictured)];
        await until("the step to move", 20, async () => ((await step.textContent()) === was ? undefined : true));
        await until("the chart to move", 20, async () =>
          (await page.locator("#chart-lag canvas").evaluate(pictured)) === drawn ? undefined : true,
        );

        const ingest = discover(join(dataDir, "run")).find(({ service }) => service === "ingest")!;
        process.kill(ingest.pid, "SIGSTOP");
        try {
          await told("#headline", /^Ingest /);
          expect(await page.locator("#word").textContent()).toBe("Stalled");
          expect(await page.locator("#box-waiting").getAttribute("data-state")).toBe("red");
        } finally {
          process.kill(ingest.pid, "SIGCONT");
        }
        await told("#headline", /^Training: round \d/);

        // the oldest ones go as new ones come
        const button = page.getByRole("button", { name: /^Roll back to/ }).first();
        await button.click({ timeout: 60_000 });
        const dialog = page.getByRole("dialog");
        const wanted = (await dialog.getByRole("heading").textContent())!.match(/v\d+/)![0];
        await dialog.getByLabel("Operator's token").fill("guessed");
        await dialog.getByRole("button", { name: "Roll back" }).click();
        await dialog.getByRole("alert").filter({ hasText: "wrong or missing" }).waitFor();
        expect(readFileSync(join(dataDir, "models", "current"), "utf8").trim()).not.toBe(wanted);
        await dialog.getByLabel("Operator's token").fill("open-sesame");
        await page.keyboard.press("Enter");
        await told("#rolled-back", new RegExp(`^${wanted} is current now`));
        expect(readFileSync(join(dataDir, "models", "current"), "utf8").trim()).toBe(wanted);
        await until("serve to follow", 20, async () =>
          (await statusOf("serve"))?.model === wanted ? true : undefined,
        );
      } finally {
        await browser.close();
        dashboard.child.kill("SIGTERM");
      }
      expect((await dashboard.ended).code).toBe(0);
    }, 180_000);

    test("is drained by Ctrl-C within 15 s", async () => {
      const askedAt = Date.now();
      up.child.kill("SIGINT");
      const { code, stderr } = await up.ended;
      expect(code, stderr).toBe(0);
      expect((Date.now() - askedAt) / 1000).toBeLessThan(15);
      expect(leftBehind()).toEqual([]);
    }, 60_000);
  });
});

const pictured = (canvas: Element) => (canvas as HTMLCanvasElement).toDataURL();
