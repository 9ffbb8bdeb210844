// Runs on the graph engine, as users start them, beside the same on the tensorflow engine: one curve, one judgement.
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { EngineName } from "../../shared/compute/engine.ts";
import { withoutTensorflow } from "../unit/engines.ts";
import { type Cluster, openCluster, tiny, tributary } from "./training-cluster.ts";

interface Report {
  readonly engine: string;
  readonly epochs: readonly {
    readonly loss: { reconstruction: number };
    readonly validation: { "ndcg@100": number };
  }[];
}

describe.skipIf(withoutTensorflow)("on the graph engine", () => {
  let cluster: Cluster;
  const outOf = (engine: EngineName, sync: string) => join(cluster.dir, `${engine} ${sync}`);
  const report = async (engine: EngineName, ...args: string[]) => {
    vi.stubEnv("TRIBUTARY_ENGINE", engine);
    const { code, stdout, stderr } = await tributary(...args, "--json");
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout);
  };
  const train = (engine: EngineName, sync: string): Promise<Report> => {
    const where = ["--data", cluster.data, "--out", outOf(engine, sync), "--data-dir", join(cluster.dir, "d")];
    return report(engine, "train", ...where, ...tiny, "--epochs", "6", "--sync", sync, "--trainers", "1");
  };
  beforeAll(() => {
    cluster = openCluster();
  });
  afterEach(() => void vi.unstubAllEnvs());
  afterAll(() => cluster.free());

  test.each(["exact", "local"])(
    "a run in %s mode has the curve of one on the tensorflow engine within .002",
    async (sync) => {
      const [graph, other] = [await train("graph", sync), await train("tensorflow", sync)];
      expect([graph.engine, other.engine]).toEqual(["graph", "tensorflow"]);
      graph.epochs.forEach(({ loss, validation }, k) => {
        expect(Math.abs(validation["ndcg@100"] - other.epochs[k]!.validation["ndcg@100"]), `epoch ${k}`).toBeLessThan(
          0.002,
        );
        expect(loss.reconstruction / other.epochs[k]!.loss.reconstruction, `epoch ${k}`).toBeCloseTo(1, 3);
      });
    },
    90_000,
  );

  test("evaluate scores on it what it scores on the tensorflow engine", async () => {
    const evaluate = (engine: EngineName) =>
      report(engine, "evaluate", "--checkpoint", outOf("graph", "exact"), "--data", cluster.data);
    const [graph, other] = [await evaluate("graph"), await evaluate("tensorflow")];
    expect(graph.contract.engine).toMatch(/^graph \S+ on \S+/);
    expect(graph.test.model["ndcg@100"].mean).toBeGreaterThan(0.1);
    expect(graph.test.model).toEqual(other.test.model);
  });
});
