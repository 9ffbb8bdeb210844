// The stages of the check: each gives rows of the table, whatever happens.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeDataset } from "../../services/commands/bench/dataset.ts";
import { type Ran, ran, tributary, whyOf } from "./commands.ts";
import { held, type Row } from "./table.ts";

export interface Place {
  readonly dir: string;
  readonly tiny: boolean;
}

export interface Size {
  readonly name: string;
  readonly items: number;
  readonly perUser: number;
  readonly users: number;
  /** Seconds of an outer epoch. */
  readonly most: number;
  readonly aim: number;
}

export const sizes: readonly Size[] = [
  { name: "ML-20M", items: 20_108, perUser: 86, users: 116_677, most: 2.5, aim: 1.8 },
  { name: "MSD", items: 41_140, perUser: 59, users: 571_355, most: 10, aim: 7 },
  { name: "Netflix", items: 17_769, perUser: 123, users: 463_435, most: 8, aim: 5 },
];

const failed = (check: string, run: Ran): Row => ({ check, result: "FAILED", figure: whyOf(run) });
const graph = { TRIBUTARY_ENGINE: "graph" };

/** The device, and EASE's inverse on it; no row where TensorFlow sees no GPU and none is needed. */
export async function device({ tiny }: Place): Promise<{ rows: Row[]; device: string | undefined; why: string }> {
  const size = tiny ? 600 : 4096;
  const run = await ran(
    process.execPath,
    ["--import", "tsx", "test/gpu/device.ts", String(size), ...(tiny ? ["too"] : [])],
    { seconds: 90 },
  );
  const why = run.stderr.split("\n").find((line) => line.startsWith("GPU_")) ?? "";
  if (run.code !== 0) return { rows: [failed("device", run)], device: undefined, why: why || whyOf(run) };
  const { name, version, device, inverse } = JSON.parse(run.stdout);
  const figure = `${inverse.seconds.toFixed(2)} s, error ${inverse.error.toExponential(1)}`;
  return {
    device,
    why,
    rows: [
      { check: "device", result: "ok", figure: `${device}, engine ${name} ${version}` },
      {
        check: `EASE's inverse, ${size} items`,
        result: inverse.error < 1e-3 ? "ok" : "FAILED",
        figure,
        limit: "error below 1e-3",
      },
    ],
  };
}

/** Networks against the authors' numbers, replicas against the kernels'. Without tf32, whose products have three digits. */
export async function golden({ dir, tiny }: Place): Promise<Row[]> {
  const report = join(dir, "golden.json");
  const only = tiny ? "graph engine.*(mult-dae|metrics|small.json|one step)" : "graph engine";
  const files = ["test/unit/golden.test.ts", "test/unit/replica.test.ts"];
  const vitest = ["node_modules/vitest/vitest.mjs", "run", "--project", "unit", ...files, "-t", only];
  const run = await ran(process.execPath, [...vitest, "--reporter=json", `--outputFile=${report}`], {
    seconds: 130,
    env: { NVIDIA_TF32_OVERRIDE: "0" },
  });
  const check = "golden numbers on graph, plain and XLA";
  if (!existsSync(report)) return [failed(check, run)];
  const { numPassedTests: passed, numFailedTests: bad, testResults } = JSON.parse(readFileSync(report, "utf8"));
  const first = testResults
    .flatMap(({ assertionResults }: { assertionResults: { status: string; fullName: string }[] }) => assertionResults)
    .find(({ status }: { status: string }) => status === "failed");
  const figure = `${passed} passed, ${bad} failed, ${run.seconds.toFixed(0)} s${first ? `; ${first.fullName}` : ""}`;
  return [{ check, result: passed > 0 && bad === 0 && run.code === 0 ? "ok" : "FAILED", figure, limit: "1e-4" }];
}

/** One trainer and two make the same bytes; what they made is judged on the device as on the CPU. */
export async function equality({ dir, tiny }: Place): Promise<Row[]> {
  const data = join(dir, "data");
  writeDataset(
    data,
    tiny
      ? { items: 300, perUser: 10, users: 400, heldOut: 50 }
      : { items: 2_000, perUser: 30, users: 4_000, heldOut: 500 },
  );
  const runs: { hash: string; engine: string; device: string }[] = [];
  for (const trainers of [1, 2]) {
    const out = join(dir, `${trainers} trainers`);
    const where = ["--data", data, "--out", out, "--data-dir", join(dir, "d"), "--epochs", "2", "--seed", "7"];
    const sized = tiny ? ["--hidden", "24", "--latent", "8", "--batch-size", "100"] : [];
    const run = await tributary(["train", ...where, ...sized, "--trainers", String(trainers), "--json"], {
      seconds: 90,
      env: graph,
    });
    if (run.code !== 0) return [failed(`${trainers} trainer(s), --sync exact`, run)];
    const hash = createHash("sha256")
      .update(readFileSync(join(out, "model.safetensors")))
      .digest("hex");
    runs.push({ ...JSON.parse(run.stdout), hash });
  }
  const [one, two] = runs as [(typeof runs)[0], (typeof runs)[0]];
  const same: Row = {
    check: "1 and 2 trainers, --sync exact",
    result: one.hash === two.hash ? "ok" : "FAILED",
    figure: `${one.hash.slice(0, 12)} and ${two.hash.slice(0, 12)}, ${two.engine} on ${two.device}`,
    limit: "the same bytes",
  };
  return [same, await judged(dir, data)];
}

async function judged(dir: string, data: string): Promise<Row> {
  const check = "evaluate, device against CPU";
  const args = ["evaluate", "--checkpoint", join(dir, "1 trainers"), "--data", data, "--no-ease", "--json"];
  const means: number[] = [];
  for (const env of [graph, { TRIBUTARY_ENGINE: "tensorflow", TRIBUTARY_GPU: "0" }]) {
    const run = await tributary(args, { seconds: 60, env });
    if (run.code !== 0) return failed(check, run);
    means.push(JSON.parse(run.stdout).validation.model["ndcg@100"].mean);
  }
  const [there, here] = means as [number, number];
  const figure = `NDCG@100 ${there.toFixed(5)} and ${here.toFixed(5)}`;
  return { check, result: Math.abs(there - here) < 0.002 ? "ok" : "FAILED", figure, limit: "within .002" };
}

export interface Measured {
  readonly rows: Row[];
  readonly outerEpochSeconds?: number;
}

/** `bench train` as users run it. TRIBUTARY_CHECK_BENCH: its flags instead of `--sync local`. */
export async function bench({ tiny }: Place, size: Size, trainers: number, seconds: number): Promise<Measured> {
  const check = `bench train, ${size.name}, ${trainers} trainer(s)`;
  const flags = (process.env.TRIBUTARY_CHECK_BENCH ?? "--sync local").split(" ").filter(Boolean);
  const sized = tiny
    ? ["--items", "400", "--per-user", "10", "--batch", "40", "--held-out", "50", "--epoch-users", "2000"]
    : ["--items", size.items, "--per-user", size.perUser, "--held-out", 1000, "--epoch-users", size.users].map(String);
  const args = ["bench", "train", "--engine", "graph", "--trainers", String(trainers), ...flags, ...sized, "--json"];
  const run = await tributary(args, { seconds });
  if (run.code !== 0) return { rows: [failed(check, run)] };
  const found = JSON.parse(run.stdout);
  const { server, trainer, device } = found.peakMemoryBytes;
  const gib = (bytes: number | null) => (bytes === null ? "-" : (bytes / 2 ** 30).toFixed(1));
  const figure = [
    `${found.outerEpochSeconds.toFixed(2)} s`,
    `${found.encoderStepMs.toFixed(2)} + ${found.decoderStepMs.toFixed(2)} ms`,
    `exchange ${(100 * found.exchangeShare).toFixed(0)} %`,
    `XLA ${found.compileSeconds.toFixed(1)} s`,
    `GiB ${gib(device)} device, ${gib(trainer)} trainer, ${gib(server)} server`,
    found.device,
  ].join("; ");
  const { outerEpochSeconds } = found;
  const row: Row = tiny
    ? { check, result: "ok", figure }
    : held(check, outerEpochSeconds, figure, { most: size.most, aim: size.aim });
  return { rows: [row], outerEpochSeconds };
}

/**
 * TRIBUTARY_YARDSTICK is asked with `--device cuda --items I --per-user P --users 500`, and prints a line of JSON:
 * encoderStepMs and decoderStepMs of a step whose batch is sent, residentEncoderStepMs and residentDecoderStepMs of one
 * whose batch is there.
 */
export async function yardstick(
  { tiny }: Place,
  { items, perUser, users }: Size,
  ours: number | undefined,
  seconds: number,
): Promise<Row[]> {
  const check = "PyTorch, ML-20M";
  const command = process.env.TRIBUTARY_YARDSTICK?.trim();
  if (!command) return [{ check, result: "SKIPPED", figure: "TRIBUTARY_YARDSTICK names no command" }];
  const sized = tiny ? ["cpu", 400, 10, 40] : ["cuda", items, perUser, 500];
  const flags = ["--device", "--items", "--per-user", "--users"].flatMap((flag, k) => [flag, String(sized[k])]);
  const [program, ...args] = command.split(/\s+/) as [string, ...string[]];
  const run = await ran(program, [...args, ...flags], { seconds });
  const isMissing = /No module named|not compiled with CUDA|No such file|ENOENT|no NVIDIA driver/i.test(run.stderr);
  if (run.code !== 0 && isMissing) return [{ check, result: "SKIPPED", figure: whyOf(run) }];
  if (run.code !== 0) return [failed(check, run)];
  const found = JSON.parse(run.stdout.trimEnd().split("\n").at(-1)!);
  const decoder = Math.ceil((tiny ? 2000 : users) / (tiny ? 40 : 500));
  const epoch = (encoderMs: number, decoderMs: number) => (decoder * (3 * encoderMs + decoderMs)) / 1000;
  const ways = [
    ["resident data", epoch(found.residentEncoderStepMs ?? Number.NaN, found.residentDecoderStepMs), 2.5, 3.5],
    ["as the authors' code", epoch(found.encoderStepMs, found.decoderStepMs), 8, 11],
  ] as const;
  return ways
    .filter(([, theirs]) => !Number.isNaN(theirs))
    .map(([way, theirs, least, aim]): Row => {
      const times = ours === undefined ? Number.NaN : theirs / ours;
      const name = `${check}, ${way}`;
      const figure = `${theirs.toFixed(2)} s an outer epoch: ours is ${times.toFixed(1)} times as fast`;
      return tiny ? { check: name, result: "ok", figure } : held(name, times, figure, { least, aim });
    });
}
