// The dashboard's page in a real browser, against the real dashboard process and recorded services.
// TRIBUTARY_SCREENSHOTS=DIR keeps what it looked like.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request as ask, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { currentVersion, pinnedVersion } from "../../shared/checkpoints/pointer.ts";
import { discover } from "../../shared/http/registry.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { publishTwo } from "./models.ts";
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
  browser = await chromium.launch({
    executablePath: process.env.TRIBUTARY_TEST_CHROMIUM ?? "/usr/bin/chromium",
    args: flags,
  });
});
afterAll(async () => await browser?.close());

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "tributary-page-"));
  flow = {};
  complaints = [];
  page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: "light" });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on(
    "console",
    (message) => message.type() === "error" && !message.text().includes("ERR_") && complaints.push(message.text()),
  );
});
afterEach(async () => {
  await page.close();
  await stopDashboard();
  for (const service of Object.values(flow)) await service.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Starts the real process; resolves with the page's address. */
async function startDashboard(port = 0, ...flags: string[]): Promise<string> {
  dashboard = spawn(
    process.execPath,
    ["infra/tributary.mjs", "dashboard", "--data-dir", dataDir, "--port", String(port), ...flags],
    {
      stdio: "ignore",
    },
  );
  return await vi.waitFor(
    () => {
      const own = discover(pathsOf(dataDir).run).find(
        ({ service, pid }) => service === "dashboard" && pid === dashboard?.pid,
      );
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

/** Nothing that axe calls serious or critical. */
async function mustBeAccessible(where: string): Promise<void> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: typeof axe }).axe.run(document, {
      resultTypes: ["violations"],
    });
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes[0]!.html} ${nodes[0]!.failureSummary}`);
  });
  expect(found, where).toEqual([]);
}

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
      await mustBeAccessible(`${name}, ${width} px, ${colorScheme}`);
      expect(
        await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
        `${width} px`,
      ).toBeLessThanOrEqual(0);
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
  await text(
    "#headline",
    /^Training: round 42, model is \d+ s behind the events, NDCG@100 \.412 \(popularity \.211\)$/,
  );
  expect(await page.locator("#word").textContent()).toBe("Healthy");
  await text("#box-requests", "requests/s");
  expect(await page.locator("#box-events .value").textContent()).toBe("1,238");
  await page.waitForFunction(() => ![...document.querySelectorAll(".nothing")].some((each) => each.checkVisibility()));
  for (const reference of ["popular now", "popular then", "co-visits"])
    await page.locator("#chart-prequential li", { hasText: reference }).getByText(/\.\d/).first().waitFor();
  await look("healthy");

  await page.evaluate(() => document.body.setAttribute("data-same-page", "yes"));
  const [server, ingest] = [flow.server!, flow.ingest!];
  server.status = { ...server.status, round: 43, stepsPerMinute: 901 };
  ingest.status = { ...ingest.status, eventsPerSecond: 87, lag: { messages: 7, seconds: 0.1 } };
  await text("#headline", "round 43");
  await text("#box-training .value", "901");
  await text("#box-events .value", "87");
  await page.locator("#chart-lag li", { hasText: "All" }).getByText(/^7$/).waitFor();
  expect(await page.locator("body").getAttribute("data-same-page")).toBe("yes");
  expect([...hosts]).toEqual([url]);
  expect(complaints).toEqual([]);
});

test("a stalled ingest turns its box red, with a word, and the verdict names it, why, and what to do", async () => {
  writeFileSync(pathsOf(dataDir).history, recordedHistory(Date.now()));
  await startFlow();
  await page.goto(await startDashboard());
  await text("#word", "Healthy");
  flow.ingest!.status = {
    ...flow.ingest!.status,
    state: "stalled",
    lag: { messages: 4180, seconds: 31 },
    eventsPerSecond: 0,
  };
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
  await text("#box-waiting .text", "missing");
  expect(await page.locator("#box-waiting").getAttribute("data-state")).toBe("red");
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
  const untrained = {
    state: "waiting for events",
    round: 0,
    step: 0,
    loss: null,
    lossHistory: [],
    stepsPerMinute: 0,
    checkpoint: null,
  };
  const states = {
    ingest: { ...ingest, ...nothing, lastCommitAt: null },
    server: { ...server, ...untrained, hint: "feed the topic with `tributary replay`" },
    trainer: { ...trainer, state: "waiting" },
    evaluator: { ...evaluator, evaluations: [], prequential: [], freshness: null, published: null },
    serve: { ...serve, model: null, requests: 0 },
  };
  for (const [service, status] of Object.entries(states))
    flow[service] = await serveRecorded(pathsOf(dataDir).run, service, status, 3);
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
      news: Record<"samples" | "rounds", { at: number[] }>;
    }
  ).news;
  expect(kept.samples.at[0]).toBeLessThan(stopped);
  expect(kept.rounds.at).toHaveLength(42);
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
  const waiting = {
    state: "waiting",
    partMs: null,
    parts: 0,
    seconds: { data: 0, compute: 0, push: 0, wait: 0, pull: 0 },
  };
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
  await text(
    "#headline",
    "A trainer did not return a part in time: ip-10-0-17-203.eu-central-1.compute.internal/20417",
  );
  await text("#box-batches .text", "suspect");
  await look("trainers");

  await page.setViewportSize({ width: 640, height: 844 });
  const table = page.getByRole("region", { name: "Table of trainers" });
  await table.focus();
  await page.keyboard.press("ArrowRight");
  await vi.waitFor(async () => expect(await table.evaluate((element) => element.scrollLeft)).toBeGreaterThan(0));

  flow.server!.status = {
    ...flow.server!.status,
    listen: "ws://10.0.0.1:7070",
    state: "waiting for trainers",
    trainers: [],
  };
  await text("#no-trainer-text code", "tributary trainer --server ws://10.0.0.1:7070");
  expect(await page.locator("#trainers tr:visible").count()).toBe(1);
  expect(complaints).toEqual([]);
});

test("the keyboard reads a chart's earlier values aloud, and changes the time shown and the smoothing", async () => {
  writeFileSync(pathsOf(dataDir).history, recordedHistory(Date.now(), 120));
  await startFlow();
  await page.goto(await startDashboard());
  await text("#word", "Healthy");
  const plot = page.locator("#chart-loss .plot");
  expect(await plot.getAttribute("aria-label")).toMatch(/^Loss, nats per user: Reconstruction \d+\.\d, KL \d\.\d+/);
  await plot.focus();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  await text("#chart-loss .when", /^\d\d:\d\d:\d\d$/);
  await text("#chart-lag .when", /^\d\d:\d\d:\d\d$/);
  expect(await page.locator("#reading").textContent()).toMatch(/^\d\d:\d\d:\d\d: Reconstruction \d+\.\d, KL \d\.\d+$/);
  const drawn = () => page.locator("#chart-lag canvas").evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
  const quarter = await drawn();
  await page.getByRole("radio", { name: "1 h", exact: true }).check();
  await vi.waitFor(async () => expect(await drawn()).not.toBe(quarter));
  const slider = page.getByRole("slider", { name: "Smoothing" });
  expect(await slider.getAttribute("aria-valuetext")).toBe("off");
  await slider.focus();
  for (const said of ["10 s", "30 s", "60 s"]) {
    await page.keyboard.press("ArrowRight");
    expect(await slider.getAttribute("aria-valuetext")).toBe(said);
  }
  await look("smoothed", ["light"]);
  expect(await page.getByRole("link", { name: /^Rows waiting/ }).getAttribute("href")).toBe("#section-partitions");
  expect(complaints).toEqual([]);
});

test("a chart's values are downloaded as CSV, all lines of the time shown", async () => {
  writeFileSync(pathsOf(dataDir).history, recordedHistory(Date.now()));
  await startFlow();
  await page.goto(await startDashboard());
  await text("#word", "Healthy");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download Lag as CSV" }).click(),
  ]);
  expect(download.suggestedFilename()).toBe("tributary-lag.csv");
  const [header, ...rows] = readFileSync(await download.path(), "utf8")
    .trimEnd()
    .split("\r\n");
  expect(header).toBe("time,All,Partition 0,Partition 1,Partition 2,Partition 3");
  expect(rows.length).toBeGreaterThan(150);
  const last = rows.at(-1)!.split(",");
  expect(Date.now() - Date.parse(last[0]!)).toBeLessThan(15_000);
  expect(last.slice(1)).toEqual(["520", "130", "130", "130", "130"]);
});

test("a day of history draws, and how long eight hours of it take is told", async () => {
  writeFileSync(pathsOf(dataDir).history, recordedHistory(Date.now(), 24 * 60));
  await startFlow();
  await page.goto(await startDashboard());
  await text("#word", "Healthy");
  const drawing = async (range: string) => {
    await page.evaluate(() => performance.clearMeasures());
    await page.getByRole("radio", { name: range, exact: true }).check();
    const taken = () =>
      page.evaluate(() => performance.getEntriesByName("charts drawn").map(({ duration }) => duration));
    const [first] = await vi.waitFor(async () => {
      const all = await taken();
      if (all.length === 0) throw new Error("not drawn yet");
      return all;
    });
    return first!;
  };
  const [eight, day] = [await drawing("8 h"), await drawing("24 h")];
  process.stdout.write(`12 charts: 8 h drawn in ${eight.toFixed(0)} ms (asked: 200), 24 h in ${day.toFixed(0)} ms\n`);
  const [first] = await page.evaluate(
    async () =>
      ((await (await fetch("/api/history")).json()) as { news: { samples: { at: number[] } } }).news.samples.at,
  );
  expect(Date.now() - first!).toBeGreaterThan(23.9 * 3_600_000);
  expect(await page.locator(".nothing:visible").count()).toBe(0);
  expect(complaints).toEqual([]);
});

test("a model is rolled back to behind a dialog that needs an operator's token, and two are compared side by side", async () => {
  const [older, newer] = await publishTwo(dataDir);
  await startFlow();
  const tokens = join(dataDir, "tokens");
  writeFileSync(tokens, "operator open-sesame\nreader only-looks\n", { mode: 0o600 });
  await page.goto(await startDashboard(0, "--token-file", tokens));
  const row = (name: string) => page.locator("#models-table tbody tr", { has: page.getByRole("rowheader", { name }) });
  await row(newer).getByText("✓ current").waitFor();
  expect(await row(newer).getByRole("button").count()).toBe(0);
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await page.locator("#difference tr", { hasText: "ndcg@100" }).getByText("+0.1000").waitFor();
  await look("models");

  await row(older)
    .getByRole("button", { name: `Roll back to ${older}` })
    .click();
  const dialog = page.getByRole("dialog", { name: `Roll back to ${older}?` });
  await dialog.waitFor();
  await mustBeAccessible("the dialog");
  for (const wrong of ["guessed", "only-looks"]) {
    await dialog.getByLabel("Operator's token").fill(wrong);
    await dialog.getByRole("button", { name: "Roll back" }).click();
    await dialog
      .getByRole("alert")
      .filter({ hasText: wrong === "guessed" ? "wrong or missing" : "reader may not roll back" })
      .waitFor();
  }
  await look("rollback", ["dark"]);
  expect(await currentVersion(pathsOf(dataDir).models)).toBe(newer);
  await dialog.getByLabel("Operator's token").fill("open-sesame");
  await page.keyboard.press("Enter");
  await text("#rolled-back", `${older} is current now, ${newer} was. It is pinned`);
  await row(older).getByText("✓ current, pinned").waitFor();
  expect(await currentVersion(pathsOf(dataDir).models)).toBe(older);
  expect(await pinnedVersion(pathsOf(dataDir).models)).toBe(older);
  expect(await dialog.count()).toBe(0);
  expect(complaints.filter((each) => !each.includes("401"))).toEqual([]);
});

test("rolling back is refused without tokens, to other sites' pages, and for what is no version", async () => {
  const [older, newer] = await publishTwo(dataDir);
  const tokens = join(dataDir, "tokens");
  writeFileSync(tokens, "open-sesame\n", { mode: 0o600 });
  const url = await startDashboard(0, "--token-file", tokens);
  const post = async (at: string, body: object, headers: Record<string, string> = {}) => {
    const all = { "content-type": "application/json", authorization: "Bearer open-sesame", ...headers };
    const response = await fetch(`${at}/api/models/rollback`, {
      method: "POST",
      headers: all,
      body: JSON.stringify(body),
    });
    return `${response.status} ${((await response.json()) as { code?: string }).code}`;
  };
  expect(await post(url, { version: older }, { origin: "https://elsewhere.example" })).toBe("403 ORIGIN_REFUSED");
  expect(await post(url, { version: older }, { "content-type": "text/plain" })).toBe("400 REQUEST_MALFORMED");
  expect(await post(url, { version: "../v000001" })).toBe("400 REQUEST_MALFORMED");
  expect(await post(url, { version: "v000099" })).toBe("404 MODEL_UNKNOWN");
  expect(await post(url, { version: older }, { authorization: "" })).toBe("401 TOKEN_REFUSED");
  await stopDashboard();
  const open = await startDashboard();
  expect(await post(open, { version: older })).toBe("401 TOKEN_REFUSED");
  expect(await currentVersion(pathsOf(dataDir).models)).toBe(newer);
  await page.goto(open);
  await text("#models-note code", "tributary dashboard --token-file FILE");
  expect(await page.locator("#models-table button:not(.sort)").count()).toBe(0);
});

test.each([
  ["takes its own part of the path off, the slash at its end being forgotten", true, "/ops/tributary"],
  ["leaves the path as it is, the slash being forgotten", false, "/ops/tributary"],
])("dashboard-below-a-path: behind a proxy that %s the page is whole, and rolls back", async (_, strips, path) => {
  const [older] = await publishTwo(dataDir);
  await startFlow();
  const file = join(dataDir, "tokens");
  writeFileSync(file, "operator sesame\n", { mode: 0o600 });
  const target = new URL(await startDashboard(0, "--token-file", file, "--allowed-hosts", "ops.example.com"));
  const proxy = createServer((request, response) => {
    const below = strips ? request.url!.replace("/ops/tributary", "") || "/" : request.url;
    const headers = { ...request.headers, host: "ops.example.com" }; // as the browser is told to call it
    const forwarded = { ...headers, ...(request.headers.origin ? { origin: "https://ops.example.com" } : {}) };
    const passed = ask(
      { port: target.port, host: "127.0.0.1", path: below, method: request.method, headers: forwarded },
      (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      },
    );
    passed.on("error", () => response.destroy());
    request.pipe(passed);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const failed: string[] = [];
  page.on("response", (response) => response.status() >= 400 && failed.push(`${response.status()} ${response.url()}`));
  await page.goto(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}${path}`);
  await text("#connection-text", /^live/);
  await page.getByRole("button", { name: `Roll back to ${older}` }).click();
  await page.locator("#rollback-token").fill("sesame");
  await page.locator("#rollback-confirm").click();
  await text("#rolled-back", `${older} is current now`);
  expect(failed).toEqual([]);
  expect(complaints).toEqual([]);
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
});

test("tables are sorted by the keyboard from their heads, and say by which column", async () => {
  await startFlow();
  const ingest = flow.ingest!;
  const { partitions } = ingest.status as ReturnType<typeof healthy>["ingest"];
  const lags = [130, 9000, 7, 520];
  ingest.status = { ...ingest.status, partitions: partitions.map((each, k) => ({ ...each, lag: lags[k]! })) };
  await page.goto(await startDashboard());
  const table = page.getByRole("region", { name: "Table of partitions" });
  await table.getByRole("rowheader", { name: "3" }).waitFor();
  const order = () => table.locator("tbody th").allTextContents();
  expect(await order()).toEqual(["0", "1", "2", "3"]);
  await table.getByRole("button", { name: "Lag" }).focus();
  await page.keyboard.press("Enter");
  expect(await order()).toEqual(["1", "3", "0", "2"]);
  expect(await table.getByRole("columnheader", { name: "Lag" }).getAttribute("aria-sort")).toBe("descending");
  await page.keyboard.press("Space");
  expect(await order()).toEqual(["2", "0", "3", "1"]);
  ingest.status = { ...ingest.status, partitions: partitions.map((each, k) => ({ ...each, lag: 100 - k })) };
  await vi.waitFor(async () => expect(await order()).toEqual(["3", "2", "1", "0"]), { timeout: 10_000 });
  expect(await table.locator("[aria-sort]").count()).toBe(1);
  expect(complaints).toEqual([]);
});

test("a problem that is over stays in the table of recent ones, counted each time that it came", async () => {
  await startFlow();
  const ingest = flow.ingest!;
  const well = ingest.status;
  await page.goto(await startDashboard());
  const row = page.locator("#section-problems tbody tr", { hasText: "INGEST_STALLED" });
  for (const times of ["1", "2"]) {
    ingest.status = { ...well, state: "stalled" };
    await row.getByText("✕ now").waitFor();
    expect(await row.locator(".figure").textContent()).toBe(times);
    ingest.status = well;
    await row.getByText("over").waitFor();
  }
  await row.getByText("tributary broker status").waitFor();
});

test("a trainer that is killed is gone from the page within 5 s", async () => {
  await startFlow();
  await flow.server!.close();
  await flow.trainer!.close();
  const start = (...args: string[]) =>
    spawn(process.execPath, ["infra/tributary.mjs", ...args, "--data-dir", dataDir], { stdio: "ignore" });
  const port = 20_000 + (process.pid % 20_000);
  const server = start(
    "server",
    "--listen",
    `127.0.0.1:${port}`,
    "--table",
    join(dataDir, "table"),
    "--out",
    join(dataDir, "training"),
  );
  const trainer = start("trainer", "--server", `ws://127.0.0.1:${port}`);
  try {
    await page.goto(await startDashboard());
    const row = page.getByRole("rowheader", { name: `/${trainer.pid} ` });
    await row.waitFor({ timeout: 40_000 });
    trainer.kill("SIGKILL");
    await row.waitFor({ state: "detached", timeout: 5000 });
    await text("#tile-trainers .value", /^0$/, 5000);
  } finally {
    for (const child of [trainer, server]) child.kill("SIGKILL");
  }
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
