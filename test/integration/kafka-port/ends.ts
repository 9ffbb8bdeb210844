// SIGTERM, whatever the network does.
import { join } from "node:path";
import { expect, test } from "vitest";
import { start, until } from "../processes.ts";
import { deaf, open, portOf, secured } from "./secured.ts";

export function endsInTime(): void {
  const DRAIN_MS = 8000;
  /** Its exit code and how long it took after SIGTERM. */
  async function ended({ child, ended }: ReturnType<typeof start>): Promise<{ code: number | null; ms: number }> {
    const from = performance.now();
    child.kill("SIGTERM");
    const { code } = await ended;
    return { code, ms: performance.now() - from };
  }

  test("of whoever waits for a broker that takes connections and never answers", async () => {
    const env = { KAFKA_BROKERS: `127.0.0.1:${portOf(deaf)}` };
    let connections = 0;
    deaf.on("connection", () => connections++);
    const running = ["ingest", "replay synthetic", "serve --http-port 0"].map((command, k) =>
      start([...command.split(" "), "--data-dir", join(secured.folder, `deaf-${k}`)], env),
    );
    await until("all have connected", () => connections >= running.length);
    for (const { code, ms } of await Promise.all(running.map(ended))) {
      expect(code).toBe(0);
      expect(ms).toBeLessThan(DRAIN_MS);
    }
  }, 60_000);

  test("of whoever has read and sent when the broker stops to answer", async () => {
    const env = { KAFKA_BROKERS: secured.at.PLAIN };
    const folder = join(secured.folder, "frozen");
    const flags = ["--topic", "frozen", "--data-dir", folder];
    const replay = start(["replay", "synthetic", "--history", "0", "--rate", "100", ...flags], env);
    const kafka = await open("PLAIN", {});
    await until("something is sent", async () =>
      (await kafka.endOffsets("frozen").catch(() => [])).some(({ end }) => end > 0),
    );
    const ingest = start(["ingest", "--flush-seconds", "1", ...flags], env);
    const committed = new Promise<void>((resolve) =>
      ingest.child.stderr!.on("data", (text) => /assigned/.test(text) && resolve()),
    );
    await committed;
    await kafka.close();
    secured.freeze();
    try {
      const ends = await Promise.all([replay, ingest].map(ended));
      for (const { code, ms } of ends) {
        expect(code).toBe(0);
        expect(ms).toBeLessThan(DRAIN_MS);
      }
    } finally {
      secured.thaw();
    }
  }, 90_000);
}
