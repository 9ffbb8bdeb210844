// The dashboard's page in a real browser, against the real dashboard process and recorded services. TRIBUTARY_SCREENSHOTS=DIR keeps what it looked like.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { discover } from "../../shared/runtime/registry.ts";
import { healthy, type Recorded, recordedHistory, serveRecorded, trainerStatus } from "./recorded.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const services = ["replay", "ingest", "server", "trainer", "evaluator", "serve"] as const;
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
let browser: Browser;
let dataDir: string;
let flow: Record<string, Recorded>;
let dashboard: ChildProcess | undefined;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  await build({ configFile: "services/dashboard/vite.config.ts" });
  browser = await chromium.launch({ executablePath: process.env.TRIBUTARY_TEST_CHROMIUM ?? "/usr/bin/chromium", args: flags });
});
afterAll(async () => await browser?.close());

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "tributary-page-"));
  flow = {};
  complaints = [];
  page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: "light" });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && !message.text().includes("ERR_") && complaints.push(message.text()));
});
afterEach(async () => {
  await page.close();
  await stopDashboard();
  for (const service of Object.values(flow)) await service.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Starts the real process; resolves with the page's address. */
async function startDashboard(port = 0): Promise<string> {
  dashboard = spawn(process.execPath, ["infra/tributary.mjs", "dashboard", "--data-dir", dataDir, "--port", String(port)], {
    stdio: "ignore",
  });
  return await vi.waitFor(
    () => {
      const own = discover(pathsOf(dataDir).run).find(({ service, pid }) => service === "dashboard" && pid === dashboard?.pid);
      if (!own) throw new Error("the dashboard has not registered");
      return own.url;
    },
    { timeout: 30_000, interval: 50 },
  );
}

async function stopDashboard(): Promise<void> {
  if (!dashboard || dashboard.exitCode !== null) return;
  dashboard.kill("SIGTERM");
  await once(dashboard, "exit");
}

async function startFlow(now = Date.now()): Promise<void> {
  const recorded = healthy(now);
  for (const service of services) flow[service] = await serveRecorded(pathsOf(dataDir).run, service, recorded[service]);
}

const text = (selector: string, expected: string | RegExp, timeout = 20_000) =>
  page.locator(selector).filter({ hasText: expected }).waitFor({ timeout });

/** As wide as a telephone, a laptop, a wall: nothing is cut off at the side. */
async function look(name: string, themes: readonly ("light" | "dark")[] = ["light", "dark"]): Promise<void> {
  for (const [width, height] of [
    [390, 844],
    [1280, 900],
    [2560, 1440],
  ] as const) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of themes) {
      await page.emulateMedia({ colorScheme });
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), `${width} px`).toBeLessThanOrEqual(0);
      const kept = process.env.TRIBUTARY_SCREENSHOTS;
      if (kept) {
        mkdirSync(kept, { recursive: true });
        await page.screenshot({ path: join(kept, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      }
    }
  }
}

test("a healthy flow: the verdict, the boxes and the charts move without a reload, and nothing is loaded from elsewhere", async () => {
  writeFileSync(pathsOf(dataDir).history, recordedHistory(Date.now()));
  await startFlow();
  const url = await startDashboard();
  const hosts = new Set<string>();
  page.on("request", (request) => hosts.add(new URL(request.url()).origin));
  await page.goto(url);
  await text("#headline", /^Training: round 42, model is \d+ s behind the events, NDCG@100 \.412 \(popularity \.211\)$/);
  expect(await page.locator("#word").textContent()).toBe("Healthy");
  await text("#box-requests", "requests/s");
  expect(await page.locator("#box-events .value").textContent()).toBe("1,238");
  expect(await page.locator(".nothing:visible").count()).toBe(0);
  await look("healthy");

  await page.evaluate(() => document.body.setAttribute("data-same-page", "yes"));
  const [server, ingest] = [flow.server!, flow.ingest!];
  server.status = { ...server.status, round: 43, stepsPerMinute: 901 };
  ingest.status = { ...ingest.status, eventsPerSecond: 87, lag: { messages: 7, seconds: 0.1 } };
  await text("#headline", "round 43");
  await text("#box-training .value", "901");
  await text("#box-events .value", "87");
  await text("#chart-lag .reading", /^7$/);
  expect(await page.locator("body").getAttribute("data-same-page")).toBe("yes");
  expect([...hosts]).toEqual([url]);
  expect(complaints).toEqual([]);
});

test("a stalled ingest turns its box red, with a word, and the verdict names it, why, and what to do", async () => {
  writeFileSync(pathsOf(dataDir).history, recordedHistory(Date.now()));
  await startFlow();
  await page.goto(await startDashboard());
  await text("#word", "Healthy");
  flow.ingest!.status = { ...flow.ingest!.status, state: "stalled", lag: { messages: 4180, seconds: 31 }, eventsPerSecond: 0 };
  await text("#headline", "Ingest is stalled: Kafka does not answer, 4,180 messages wait");
  expect(await page.locator("#word").textContent()).toBe("Stalled");
  expect(await page.locator("#hint").textContent()).toContain("tributary broker status");
  expect(await page.locator("#box-waiting").getAttribute("data-state")).toBe("red");
  await text("#box-waiting .text", "stalled");
  await text("#announcement", "Stalled. Ingest is stalled");
  await look("stalled");

  await flow.ingest!.close();
  delete flow.ingest;
  await text("#headline", "Ingest does not run");
  expect(complaints).toEqual([]);
});

test("a refused publication is amber, and what else is wrong stands below it", async () => {
  writeFileSync(pathsOf(dataDir).history, recordedHistory(Date.now()));
  await startFlow();
  const { evaluator, ingest } = flow;
  const { evaluations } = evaluator!.status as ReturnType<typeof healthy>["evaluator"];
  const newest = {
    ...evaluations.at(-1),
    outcome: "refused",
    reason: "NDCG@100 .371 is more than .02 below that of the model in use, .412",
  };
  evaluator!.status = { ...evaluator!.status, evaluations: [...evaluations.slice(0, -1), newest] };
  await page.goto(await startDashboard());
  await text("#headline", "Publication of round 42 was refused: NDCG@100 .371");
  await text("#box-quality .text", "refused");
  ingest!.status = { ...ingest!.status, dead: 15_000 };
  await text("#headline", "1.44 % of the events are malformed (15,000 dead letters)");
  await text("#also", "Publication of round 42 was refused");
  await look("attention");
  expect(complaints).toEqual([]);
});

test("loading, an empty data directory, and a flow that waits for its first event are designed states", async () => {
  const url = await startDashboard();
  const answer = new Promise<void>((resolve) => {
    void page.route("**/events", async (route) => {
      await shown;
      resolve();
      await route.continue();
    });
  });
  let show = () => {};
  const shown = new Promise<void>((resolve) => {
    show = resolve;
  });
  await page.goto(url);
  await text("#headline", "Asking the services how they are");
  await look("loading", ["light"]);
  show();
  await answer;
  await text("#headline", "Nothing runs in this data directory");
  expect(await page.locator("#hint code").textContent()).toBe("npm start");
  await look("empty", ["light"]);
  const { ingest, server, trainer, evaluator, serve } = healthy(Date.now());
  const nothing = {
    lag: { messages: 0, seconds: 0 },
    table: { version: 0, files: 0, rows: 0 },
    read: 0,
    dead: 0,
    buffered: 0,
    eventsPerSecond: 0,
    newestArrival: null,
  };
  const untrained = { state: "waiting for events", round: 0, step: 0, loss: null, lossHistory: [], stepsPerMinute: 0, checkpoint: null };
  const states = {
    ingest: { ...ingest, ...nothing, lastCommitAt: null },
    server: { ...server, ...untrained, hint: "feed the topic with `tributary replay`" },
    trainer: { ...trainer, state: "waiting" },
    evaluator: { ...evaluator, evaluations: [], published: null },
    serve: { ...serve, model: null, requests: 0 },
  };
  for (const [service, status] of Object.entries(states)) flow[service] = await serveRecorded(pathsOf(dataDir).run, service, status, 3);
  await text("#headline", "Waiting for the first event");
  expect(await page.locator("#chart-ndcg .nothing").textContent()).toBe("waiting for the first evaluation");
  expect(await page.locator("#box-quality .text").textContent()).toBe("waiting");
  await look("waiting", ["dark"]);
  expect(complaints).toEqual([]);
});

test("a lost dashboard shows on the page, which goes on by itself with its history when the process is back", async () => {
  await startFlow();
  const url = await startDashboard();
  await page.goto(url);
  await text("#word", "Healthy");
  await stopDashboard();
  const stopped = Date.now();
  await text("#headline", "Connection to the dashboard lost, retrying");
  expect(await page.locator("#hint").textContent()).toContain("Training: round 42");
  await look("lost", ["light"]);
  const kept = (
    (await (await fetch(`${await startDashboard(Number(new URL(url).port))}/api/history`)).json()) as {
      news: { samples: { at: number }[]; losses: unknown[] };
    }
  ).news;
  expect(kept.samples[0]!.at).toBeLessThan(stopped);
  expect(kept.losses).toHaveLength(42);
  await text("#word", "Healthy");
});

test("the table of trainers says who computes, what a part's time goes into, who is slow, suspect or gone", async () => {
  writeFileSync(pathsOf(dataDir).history, recordedHistory(Date.now()));
  await startFlow();
  await page.goto(await startDashboard());
  const row = (name: string) => page.locator("#trainers tr", { has: page.getByRole("rowheader", { name }) });
  await row("trainer-1").getByText("compute 103 ms").waitFor();
  expect(await row("trainer-1").locator(".condition").textContent()).toBe("✓computing");
  expect(await page.locator("#training-facts dd").allTextContents()).toEqual([
    "11,940, encoder",
    "1 open, 2 leased, 1 done",
    "2.1 s",
    "2.4 MB, 1.8 MB",
    "3 late, 1 duplicate, 1 rejected",
    expect.stringMatching(/^\d+ s old$/),
  ]);
  expect(await page.locator(".slow:visible").count()).toBe(0);

  const now = Date.now();
  const waiting = { state: "waiting", partMs: null, parts: 0, seconds: { data: 0, compute: 0, push: 0, wait: 0, pull: 0 } };
  const slow = {
    state: "suspect",
    partMs: 412,
    late: 2,
    duplicate: 1,
    tensorsBy: "socket",
    seconds: { data: 30, compute: 640, push: 410, wait: 12, pull: 820 },
  };
  flow.server!.status = {
    ...flow.server!.status,
    trainers: [
      trainerStatus("trainer-1", now),
      trainerStatus("trainer-2", now),
      trainerStatus("ip-10-0-17-203.eu-central-1.compute.internal/20417", now, slow),
      trainerStatus("trainer-4", now, waiting),
    ],
  };
  const suspect = row("ip-10-0-17-203");
  await suspect.getByText("suspect").waitFor();
  expect(await suspect.getAttribute("data-state")).toBe("amber");
  expect(await suspect.locator(".slow").textContent()).toBe("! slow");
  expect(await page.locator(".slow:visible").count()).toBe(1);
  await suspect.getByText("2 / 1").waitFor();
  expect(await row("trainer-4").locator(".split").isVisible()).toBe(false);
  await text("#headline", "A trainer did not return a part in time: ip-10-0-17-203.eu-central-1.compute.internal/20417");
  await text("#box-training .text", "suspect");
  await look("trainers");

  await page.setViewportSize({ width: 640, height: 844 });
  const table = page.getByRole("region", { name: "Table of trainers" });
  await table.focus();
  await page.keyboard.press("ArrowRight");
  await vi.waitFor(async () => expect(await table.evaluate((element) => element.scrollLeft)).toBeGreaterThan(0));

  flow.server!.status = { ...flow.server!.status, listen: "ws://10.0.0.1:7070", state: "waiting for trainers", trainers: [] };
  await text("#no-trainer-text code", "tributary trainer --server ws://10.0.0.1:7070");
  expect(await page.locator("#trainers tr:visible").count()).toBe(1);
  expect(complaints).toEqual([]);
});

test("the keyboard reads a chart's earlier values and changes the time shown", async () => {
  writeFileSync(pathsOf(dataDir).history, recordedHistory(Date.now()));
  await startFlow();
  await page.goto(await startDashboard());
  await text("#word", "Healthy");
  const plot = page.locator("#chart-loss .plot");
  expect(await plot.getAttribute("aria-label")).toMatch(/^Loss in nats per user: Reconstruction \d+\.\d, KL \d\.\d+/);
  await plot.focus();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  await text("#chart-loss .when", /^\d\d:\d\d:\d\d$/);
  await page.getByRole("radio", { name: "5 min", exact: true }).check();
  expect(await page.getByRole("link", { name: /^Rows waiting/ }).getAttribute("href")).toBe("#chart-lag");
  expect(complaints).toEqual([]);
});

test("a taken port is one message and exit code 3", async () => {
  const port = new URL(await startDashboard()).port;
  const second = spawn(process.execPath, ["infra/tributary.mjs", "dashboard", "--data-dir", dataDir, "--port", port], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  second.stderr.on("data", (chunk) => {
    said += chunk;
  });
  const [code] = await once(second, "close");
  expect(said).toContain(`PORT_IN_USE: port ${port} is taken`);
  expect(code).toBe(3);
});
