// Everything on a Kafka of others.
import { join } from "node:path";
import { expect, test } from "vitest";
import { start } from "../processes.ts";
import { login, propertiesFile, secured, trusting } from "./secured.ts";

export function runsEverything(): void {
  test("up with a wrong password ends before anything is started: ingest was started again and again", async () => {
    const config = propertiesFile("LOGIN", { ...login("PLAIN", "wr0ng"), ...trusting() });
    const dataDir = join(secured.folder, "refused");
    const { code, stderr } = await start(["up", "--data-dir", dataDir, "--port", "0", "--kafka-config", config]).ended;
    expect([code, stderr]).toEqual([3, expect.stringMatching(/^KAFKA_LOGIN_REFUSED: .*Invalid username or password/m)]);
    expect(stderr).not.toMatch(/wr0ng|services/);
  });
}
