// Serve and `recommend` as processes: good and bad requests, a new model picked up, one answer from checkpoint and
// server.
import { execFile } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publish } from "../../shared/checkpoints/models.ts";
import type { Histories } from "../../shared/events/histories.ts";
import type { RecommendAnswer, RefusalAnswer } from "../../shared/recommending/requests.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { eventually, popular, type Service, startService, writeCheckpoint, writeTable } from "./published.ts";

const dataDir = mkdtempSync(join(tmpdir(), "serve-"));
const paths = pathsOf(dataDir);
let histories: Histories;
let checkpoint: string;
let serve: Service<"serve">;

beforeAll(async () => {
  histories = await writeTable(paths.table);
  checkpoint = await writeCheckpoint(dataDir, 1, histories);
  serve = await startService("serve", dataDir);
});
afterAll(async () => {
  await serve.process.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function post(
  body: unknown,
  contentType = "application/json",
): Promise<{ status: number; body: RecommendAnswer & RefusalAnswer }> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(`${serve.url}/v1/recommend`, {
    method: "POST",
    headers: { "content-type": contentType },
    body: text,
  });
  return { status: response.status, body: (await response.json()) as RecommendAnswer & RefusalAnswer };
}

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}
const bin = fileURLToPath(new URL("../../infra/tributary.mjs", import.meta.url));
const recommend = (...args: string[]) =>
  new Promise<Ended>((resolve) =>
    execFile(process.execPath, [bin, "recommend", ...args], (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    ),
  );

describe("before a model is published", () => {
  test("requests are told so with 503, and the process is alive and not ready", async () => {
    expect(await post({ items: ["i0"] })).toMatchObject({
      status: 503,
      body: { code: "MODEL_MISSING", hint: expect.stringContaining("evaluator") },
    });
    expect((await fetch(`${serve.url}/v1/models/current`)).status).toBe(503);
    expect((await fetch(`${serve.url}/live`)).status).toBe(200);
    expect((await fetch(`${serve.url}/ready`)).status).toBe(503);
  });

  test("`recommend --server` passes that on with exit code 3", async () => {
    const ended = await recommend("--server", serve.url, "--items", "i0");
    expect(ended.code).toBe(3);
    expect(ended.stderr).toContain("MODEL_MISSING");
  });
});

describe("with a published model", () => {
  beforeAll(async () => {
    await publish(paths.models, checkpoint, { at: 1 });
    await eventually(async () => (await serve.status()).model === "v000001");
  });

  test("a history gets items that are not in it", async () => {
    const { status, body } = await post({ items: ["i0", "i1", "nowhere"], k: 5, exclude: ["i2"] });
    expect(status).toBe(200);
    expect(body).toMatchObject({ model: "v000001", unknown: ["nowhere"] });
    expect(body.items).toHaveLength(5);
    const names = body.items.map(({ item }) => item);
    for (const seen of ["i0", "i1", "i2"]) expect(names).not.toContain(seen);
    const scores = body.items.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  });

  test("a user's history comes from the table", async () => {
    const history = [...histories.rowOf(histories.indexOf("u7")!)].map((column) => histories.vocabulary.items[column]!);
    const byUser = await eventually(async () => {
      const answer = await post({ user: "u7" });
      return answer.status === 200 && answer;
    });
    expect(byUser.body).toEqual((await post({ items: history })).body);
    expect(await post({ user: "nobody" })).toMatchObject({ status: 404, body: { code: "USER_UNKNOWN" } });
  });

  test("an empty history gets the popular ones and says so", async () => {
    expect((await post({ items: [] })).body).toMatchObject({ fallback: "popular", items: expect.any(Array) });
  });

  test.each([
    ["no JSON", "{items:"],
    ["an unknown field", { items: ["i0"], n: 3 }],
    ["a k of 0", { items: ["i0"], k: 0 }],
    ["a k of a million", { items: ["i0"], k: 1e6 }],
    ["a wrong type", { items: "i0" }],
    ["10,001 items", { items: Array(10_001).fill("i0") }],
  ])("%s is refused with code, message and hint", async (_, body) => {
    const answer = await post(body);
    expect(answer).toMatchObject({
      status: 400,
      body: { code: "REQUEST_MALFORMED", message: expect.any(String), hint: expect.any(String) },
    });
    expect(JSON.stringify(answer.body)).not.toContain("node_modules");
  });

  test("a body of 5 MB is refused before it is read", async () => {
    const [status, body] = await new Promise<[number | undefined, string]>((resolve, reject) => {
      const headers = { "content-type": "application/json", "content-length": 5 << 20 };
      const large = request(`${serve.url}/v1/recommend`, { method: "POST", headers }, async (response) => {
        resolve([response.statusCode, (await response.toArray()).join("")]);
        large.destroy();
      });
      large.on("error", reject);
      large.flushHeaders();
    });
    expect(status).toBe(413);
    expect(JSON.parse(body)).toMatchObject({ code: "REQUEST_MALFORMED" });
  });

  test("another content type and another path are refused alike", async () => {
    expect(await post("<x/>", "text/xml")).toMatchObject({ status: 415, body: { code: "REQUEST_MALFORMED" } });
    const response = await fetch(`${serve.url}/v1/nothing`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: "ROUTE_UNKNOWN" });
  });

  test("a client that goes away in the middle of its request harms nobody", async () => {
    await new Promise<void>((resolve) => {
      const half = request(`${serve.url}/v1/recommend`, {
        method: "POST",
        headers: { "content-type": "application/json", "content-length": 1000 },
      });
      half.on("error", () => resolve());
      half.write('{"items": [');
      setImmediate(() => half.destroy());
      half.on("close", () => resolve());
    });
    expect((await post({ items: ["i0"] })).status).toBe(200);
  });

  test("requests and errors are counted", async () => {
    const { requests, errors } = await serve.status();
    expect(requests).toBeGreaterThan(errors);
    expect(errors).toBeGreaterThan(5);
    const metrics = await (await fetch(`${serve.url}/metrics`)).text();
    expect(metrics).toMatch(/tributary_requests_total\{status="200",service="serve"\} [1-9]/);
    expect(metrics).toMatch(/tributary_request_seconds_count\{service="serve"\} [1-9]/);
  });

  test("checkpoint and server recommend the same", async () => {
    const wish = ["--user", "u7", "-k", "4", "--json"];
    const fromServer = await recommend("--server", serve.url, ...wish);
    const fromCheckpoint = await recommend("--checkpoint", checkpoint, "--table", paths.table, ...wish);
    expect([fromServer.code, fromCheckpoint.code]).toEqual([0, 0]);
    expect(JSON.parse(fromServer.stdout).items).toHaveLength(4);
    expect(JSON.parse(fromCheckpoint.stdout)).toMatchObject({
      model: "step 1",
      items: JSON.parse(fromServer.stdout).items,
    });
  });

  test("people get a table with titles, and unknown items are named on stderr", async () => {
    const titles = join(dataDir, "titles.csv");
    writeFileSync(
      titles,
      `itemId,title,genres\n${histories.vocabulary.items.map((item) => `${item},"The ${item}, a film",x\n`).join("")}`,
    );
    const ended = await recommend("--checkpoint", checkpoint, "--items", "i0, nowhere", "-k", "3", "--titles", titles);
    expect(ended.code).toBe(0);
    expect(ended.stderr).toContain("nowhere");
    expect(ended.stdout.trim().split("\n")).toHaveLength(4);
    expect(ended.stdout).toMatch(/1 +-?\d+\.\d{3} +(i\d+) +The \1, a film/);
  });

  test.each([
    ["an unknown user", ["--user", "nobody", "--table", paths.table], "USER_UNKNOWN", 2],
    ["no table", ["--user", "u1", "--table", join(dataDir, "nothing")], "TABLE_MISSING", 2],
    ["neither items nor user", [], "USAGE", 2],
    ["titles that are not there", ["--items", "i0", "--titles", "nothing.csv"], "FILE_MISSING", 2],
  ])("`recommend` with %s ends with one clear message", async (_, args, code, exit) => {
    const ended = await recommend("--checkpoint", checkpoint, ...args);
    expect(ended.stderr).toContain(code);
    expect(ended.code).toBe(exit);
    expect(ended.stdout).toBe("");
  });

  test("names are taken too, and --json tells them beside the items", async () => {
    const titles = join(dataDir, "commas.csv");
    writeFileSync(
      titles,
      `item,title\ni0,"Piano, The (1993)"\n${histories.vocabulary.items
        .slice(1)
        .map((item) => `${item},"${item}, a film"\n`)
        .join("")}`,
    );
    const names = ["--items", "i5, a film,Piano, The (1993)", "--titles", titles, "--json", "-k", "3"];
    const byName = await recommend("--checkpoint", checkpoint, ...names);
    const byId = await recommend("--checkpoint", checkpoint, "--items", "i5,i0", "--json", "-k", "3");
    expect([byName.code, byId.code]).toEqual([0, 0]);
    const listed = JSON.parse(byName.stdout).items as { item: string; title: string }[];
    expect(listed.map(({ title, ...each }) => each)).toEqual(JSON.parse(byId.stdout).items);
    for (const { item, title } of listed) expect(title).toBe(item === "i0" ? "Piano, The (1993)" : `${item}, a film`);
  });

  test("several requests in one call are answered as alone", async () => {
    const requests = [{ items: ["i0", "i3"] }, { user: "nobody" }, { items: ["i1"], k: 2 }];
    const response = await fetch(`${serve.url}/v1/recommend:batch`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ requests }),
    });
    const alone = await Promise.all(requests.map(async (request) => (await post(request)).body));
    expect(await response.json()).toEqual({ answers: alone });
    expect(alone[1]).toMatchObject({ code: "USER_UNKNOWN" });
  });

  test("the pointer moves forth and back under 50 clients: no request fails, and no answer mixes two models", {
    timeout: 120_000,
  }, async () => {
    const next = await writeCheckpoint(dataDir, 2, histories, popular(histories));
    const first = JSON.stringify((await post({ items: ["i0"], k: 3 })).body.items);
    await publish(paths.models, next, { at: 2 });
    await eventually(async () => (await serve.status()).model === "v000002");
    const lists: Record<string, string> = {
      v000001: first,
      v000002: JSON.stringify((await post({ items: ["i0"], k: 3 })).body.items),
    };
    expect(lists.v000001).not.toBe(lists.v000002);

    let asking = true;
    const answers: Record<string, number> = { v000001: 0, v000002: 0 };
    const client = async () => {
      while (asking) {
        const { status, body } = await post({ items: ["i0"], k: 3 });
        if (status !== 200) throw new Error(`status ${status}`);
        expect(JSON.stringify(body.items)).toBe(lists[body.model]);
        answers[body.model]!++;
      }
    };
    const clients = Promise.all(Array.from({ length: 50 }, client));
    for (const version of ["v000001", "v000002", "v000001", "v000002"]) {
      writeFileSync(join(paths.models, ".next"), `${version}\n`);
      renameSync(join(paths.models, ".next"), join(paths.models, "current"));
      const before = answers[version]!;
      await Promise.race([clients, eventually(async () => answers[version]! > before + 100)]);
    }
    asking = false;
    await clients;
    expect(Math.min(...Object.values(answers))).toBeGreaterThan(200);
    expect(await (await fetch(`${serve.url}/v1/models/current`)).json()).toMatchObject({
      model: "v000002",
      step: 2,
      items: 40,
      evaluation: { at: 2 },
    });
    expect(await (await fetch(`${serve.url}/metrics`)).text()).toMatch(
      /tributary_scored_together_count\{service="serve"\} [1-9]/,
    );
  });

  test("it drains on SIGTERM with exit code 0 and leaves no registration", async () => {
    await serve.process.stop();
    expect(await serve.process.exited).toBe(0);
    expect((await recommend("--server", serve.url, "--items", "i0")).code).toBe(3);
  });
});

test("filters go by the items table of now: read anew when the file changes, kept where the new one is none", async () => {
  const path = join(dataDir, "attributes.csv");
  const write = (text: string) => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  write("item,year\ni3,1990\ni4,1991\nnowhere,1\n");
  const filtered = await startService("serve", dataDir, ["--items-table", path, "--no-follow"]);
  try {
    const ask = async (filters: object) => {
      const body = JSON.stringify({ items: ["i0"], filters });
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${filtered.url}/v1/recommend`, { method: "POST", headers, body });
      const answer = (await response.json()) as RecommendAnswer;
      return answer.items?.map(({ item }) => item).sort() ?? answer;
    };
    expect(await ask({ year: { min: 1990 } })).toEqual(["i3", "i4"]);
    expect(await eventually(async () => (await filtered.status()).items?.known === 2)).toBe(true);
    expect((await filtered.status()).items).toMatchObject({
      rows: 3,
      attributes: { year: "number" },
      known: 2,
      missing: 38,
      surplus: 1,
      reason: null,
    });
    write("item,year\ni3,1990\ni4,1991\ni5,1992\n");
    expect(await eventually(async () => (await filtered.status()).items?.known === 3)).toBe(true);
    expect(await ask({ year: { above: 1990 } })).toEqual(["i4", "i5"]);
    write("item,year,year\ni3,1990,1\n");
    const { reason } = (await eventually(async () => {
      const { items } = await filtered.status();
      return items?.reason ? items : undefined;
    }))!;
    expect(reason).toMatch(/ITEMS_TABLE_UNFIT: the column "year" stands twice/);
    expect(await ask({ year: { above: 1990 } })).toEqual(["i4", "i5"]);
    // the model that is published by now scores by popularity alone: its vectors are zero
    const similar = await fetch(`${filtered.url}/v1/similar?item=i1&filters=${encodeURIComponent('{"year":1990}')}`);
    expect(await similar.json()).toMatchObject({ code: "VECTORS_MISSING", message: expect.stringContaining('"i1"') });
    const atTerminal = await recommend("--server", filtered.url, "--items", "i1", "--filters", '{"year": 7}');
    expect(atTerminal.stderr).toContain("no item passes the filters");
  } finally {
    await filtered.process.stop();
  }
});

test("`recommend` asks the same of a checkpoint: candidates, filters, diversity, similar items", async () => {
  const path = join(dataDir, "films.csv");
  writeFileSync(path, "item;genres\ni3;War|Love\ni4;Love\ni5;\n");
  const from = ["--checkpoint", checkpoint, "--items-table", path, "--items-separator", "|", "--json"];
  const of = async (...flags: string[]) => {
    const { code, stdout, stderr } = await recommend(...from, ...flags);
    const items = code === 0 ? (JSON.parse(stdout) as RecommendAnswer).items.map(({ item }) => item).sort() : [];
    return { code, items, stderr };
  };
  const love = ["--filters", '{"genres": "Love"}'];
  expect((await of("--items", "i0", ...love, "--diversity", "0.5")).items).toEqual(["i3", "i4"]);
  expect((await of("--items", "i0", ...love, "--candidates", "i4,i5", "--exclude", "i5")).items).toEqual(["i4"]);
  expect((await of("--similar", "i3", ...love)).items).toEqual(["i4"]);
  expect(await of("--similar", "i3", "--exclude", "i4")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("USAGE"),
  });
  expect(await of("--items", "i0", "--filters", '{"colour": 1}')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/REQUEST_MALFORMED: filters, "colour"/),
  });
});
