// What a run shows of itself: /status, /metrics and `tributary status` of a real server with two trainers, one of which
// leaves.
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { discover } from "../../shared/http/registry.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { type Cluster, freePort, openCluster, tributary } from "./training-cluster.ts";

let cluster: Cluster;
beforeAll(() => {
  cluster = openCluster();
});
afterAll(() => cluster.free());

/** Of /metrics: a series' value by its name and labels. */
function seriesIn(text: string): Record<string, number> {
  const lines = text.split("\n").filter((line) => line.startsWith("tributary_"));
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [
        line
          .slice(0, at)
          .replace(/,?service="server"|\{service="server"\}/, "")
          .replace("{}", ""),
        Number(line.slice(at + 1)),
      ];
    }),
  );
}

test("the open step, its trainers, bytes and the checkpoint's age are in /status, /metrics and `status`", async () => {
  const port = await freePort();
  const flags = ["--epochs", "1000", "--no-shared-memory", "--checkpoint-seconds", "0.05"];
  const server = cluster.startServer(join(cluster.dir, "run"), port, "--data", cluster.data, ...flags);
  cluster.startTrainer(port);
  const second = cluster.startTrainer(port);
  const shown = await cluster.until(
    server,
    ({ step, trainers, checkpoint }) =>
      step > 2 && checkpoint !== null && trainers.length === 2 && trainers.every(({ parts }) => parts > 0),
  );
  expect(shown.bytesPerStep).toEqual({ sent: expect.any(Number), received: expect.any(Number) });
  expect(shown.contributions).toMatchObject({ accepted: expect.any(Number), late: expect.any(Number), rejected: 0 });
  expect(shown.checkpoint).toMatchObject({ ageSeconds: expect.any(Number) });
  for (const trainer of shown.trainers)
    expect(trainer).toMatchObject({
      tensorsBy: "socket",
      threads: 1,
      seconds: {
        data: expect.any(Number),
        compute: expect.any(Number),
        push: expect.any(Number),
        wait: expect.any(Number),
      },
    });

  const dataDir = join(cluster.dir, "run-data");
  const { url } = discover(pathsOf(dataDir).run).find(({ pid }) => pid === server.child.pid)!;
  const scrape = async () => seriesIn(await (await fetch(`${url}/metrics`)).text());
  const before = await scrape();
  const trainers = (series: Record<string, number>) =>
    ["computing", "waiting", "suspect", "clogged"].reduce(
      (sum, state) => sum + series[`tributary_trainers{state="${state}"}`]!,
      0,
    );
  expect(trainers(before)).toBe(2);
  expect(before.tributary_peers_rejected_total).toBe(0);
  expect(before.tributary_checkpoint_age_seconds).toBeGreaterThanOrEqual(0);
  expect(before['tributary_wire_bytes_total{direction="received"}']).toBeGreaterThan(0);
  expect(before['tributary_step_parts{state="done"}']).toBeLessThanOrEqual(3);

  second.child.kill("SIGKILL");
  const { step } = await cluster.until(server, ({ trainers }) => trainers.length === 1);
  await cluster.until(server, (status) => status.step > step);
  const after = await scrape();
  expect(trainers(after)).toBe(1);
  expect(after['tributary_wire_bytes_total{direction="sent"}']).toBeGreaterThan(
    before['tributary_wire_bytes_total{direction="sent"}']!,
  );

  const { stdout } = await tributary("status", "--data-dir", dataDir);
  expect(stdout).toMatch(/^ {2}step [\d,]+, \w+ · parts \d open, \d leased, \d done · .* · checkpoint \d+ s old$/m);
  expect(stdout).toMatch(/^ {2}\S+\/\d+ +(computing|waiting) +\w+ on [^,]+, 1 thread, socket +\d/m);
});
