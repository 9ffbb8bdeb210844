// A run on the graph engine, as users start it, beside the same on the tensorflow engine: one curve, one judgement. In
// local mode test/unit/replica.test.ts compares them: there a device's Adam moves rows that the kernels' leaves.
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
  const report = async (engine: EngineName, ...args: string[]) => {
    vi.stubEnv("TRIBUTARY_ENGINE", engine);
    const { code, stdout, stderr } = await tributary(...args, "--json");
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout);
  };
  const train = (engine: EngineName): Promise<Report> => {
    const where = ["--data", cluster.data, "--out", join(cluster.dir, engine), "--data-dir", join(cluster.dir, "d")];
    return report(engine, "train", ...where, ...tiny, "--epochs", "6", "--trainers", "1");
  };
  beforeAll(() => {
    cluster = openCluster();
  });
  afterEach(() => void vi.unstubAllEnvs());
  afterAll(() => cluster.free());

  test("a run has the curve of one on the tensorflow engine within .002", async () => {
    const [graph, other] = [await train("graph"), await train("tensorflow")];
    expect([graph.engine, other.engine]).toEqual(["graph", "tensorflow"]);
    graph.epochs.forEach(({ loss, validation }, k) => {
      const { loss: otherLoss, validation: otherValidation } = other.epochs[k]!;
      expect(Math.abs(validation["ndcg@100"] - otherValidation["ndcg@100"]), `epoch ${k}`).toBeLessThan(0.002);
      expect(loss.reconstruction / otherLoss.reconstruction, `epoch ${k}`).toBeCloseTo(1, 3);
    });
  }, 90_000);

  test("evaluate scores on it what it scores on the tensorflow engine", async () => {
    const evaluate = (engine: EngineName) =>
      report(engine, "evaluate", "--checkpoint", join(cluster.dir, "graph"), "--data", cluster.data);
    const [graph, other] = [await evaluate("graph"), await evaluate("tensorflow")];
    expect(graph.contract.engine).toMatch(/^graph \S+ on \S+/);
    expect(graph.test.model["ndcg@100"].mean).toBeGreaterThan(0.1);
    expect(graph.test.model).toEqual(other.test.model);
  });
});
