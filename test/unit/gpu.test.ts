// Which device a trainer computes on, by facts as machines with none, one and two GPUs show them.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { candidates } from "../../shared/compute/open-engine.ts";
import { cardsIn, driverIn, type Facts, holdersIn, labelOf } from "../../shared/runtime/gpu/facts.ts";
import { cudaLibraries } from "../../shared/runtime/gpu/libraries.ts";
import { look } from "../../shared/runtime/gpu/machine.ts";
import { afterEnding, type Ended } from "../../shared/runtime/gpu/places.ts";
import {
  environmentHere,
  environmentOfRun,
  environmentOfService,
  environmentOfTurn,
} from "../../shared/runtime/gpu/turns.ts";
import { type Environment, judge, type Verdict } from "../../shared/runtime/gpu/verdict.ts";

const nothing: Facts = { devices: ["null", "tty"], information: [], version: undefined, smi: undefined };
const csv = (...lines: string[]) => ({ isGood: true, text: `${lines.join("\n")}\n` });
const first = "0, GPU-5f1c8c1e-0001, 142000, 580.159.03, NVIDIA H200";
const second = "1, GPU-9ab01c77-0002, 143100, 580.159.03, NVIDIA H200";
const devices = ["null", "nvidia-uvm", "nvidiactl", "nvidia0", "nvidia1"];
const one: Facts = { ...nothing, devices: ["nvidia0", "nvidiactl"], smi: csv(first) };
const two: Facts = { ...nothing, devices, smi: csv(first, second) };
/** As in a sandbox: device files alone. */
const bare: Facts = { ...nothing, devices: ["nvidia0", "nvidiactl"] };
const ofDriver = (minor: number) =>
  `Model: \t\t NVIDIA A100-SXM4-80GB\nIRQ:   \t\t 12\nGPU UUID: \t GPU-7c\nDevice Minor: \t ${minor}\n`;
const version = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.82.01  Wed Oct 27 21:21:55 UTC 2021\nGCC 12\n";

const judged = (
  facts: Facts,
  env: Environment = {},
  missing: readonly string[] = [],
  built?: "cpu" | "gpu",
  holders: readonly string[] = [],
) => judge(facts, env, { built, lacking: () => missing, holders: () => holders });
const problemOf = (verdict: Verdict) => ("problem" in verdict ? verdict.problem : undefined);

describe("the cards of a machine", () => {
  test("are nvidia-smi's, by number, name and free memory; the name may hold commas", () => {
    expect(cardsIn(two).map(labelOf)).toEqual(["GPU 0: NVIDIA H200", "GPU 1: NVIDIA H200"]);
    expect(cardsIn({ ...one, smi: csv("0, GPU-1, [N/A], 580.1, NVIDIA X, of 2") })).toEqual([
      { index: 0, name: "NVIDIA X, of 2", uuid: "GPU-1", freeMib: undefined },
    ]);
    expect(driverIn(one)).toBe("580.159.03");
  });

  test("are the driver's in /proc, or the device files, where nvidia-smi is not there or fails", () => {
    const failed = { isGood: false, text: "NVIDIA-SMI has failed because it couldn't communicate with the driver" };
    expect(cardsIn({ ...nothing, information: [ofDriver(1), ofDriver(0)], smi: failed }).map(labelOf)).toEqual([
      "GPU 0: NVIDIA A100-SXM4-80GB",
      "GPU 1: NVIDIA A100-SXM4-80GB",
    ]);
    expect(cardsIn(bare).map(labelOf)).toEqual(["GPU 0: NVIDIA GPU"]);
    expect(cardsIn({ ...bare, information: [ofDriver(0), ofDriver(1)] })).toHaveLength(1);
    expect(cardsIn({ ...nothing, devices: ["dxg"] })).toEqual([]); // WSL has it for any maker's card
    expect(cardsIn({ ...nothing, smi: failed })).toEqual([]);
    expect(driverIn({ ...bare, version })).toBe("470.82.01");
  });
});

describe("the verdict", () => {
  test("on a machine without a GPU is none, without a word and without a look at libraries, driver or not", () => {
    const fail = () => expect.fail("libraries were looked for");
    const asked = { built: undefined, lacking: fail, holders: fail };
    for (const smi of [undefined, { isGood: false, text: "No devices were found" }, csv()])
      expect(judge({ ...nothing, version, smi }, {}, asked)).toEqual({ type: "none" });
  });

  test("takes what there is, all of it where nobody chose", () => {
    expect(judged(one)).toMatchObject({ type: "usable", cards: [{ entry: "0", name: "NVIDIA H200" }] });
    expect(judged(two)).toMatchObject({ type: "usable", cards: [{ entry: "0" }, { entry: "1" }] });
    expect(judged(bare)).toMatchObject({ type: "usable", cards: [{ entry: "0" }] });
    expect(problemOf(judged(two))).toBeUndefined();
  });

  test.each([
    ["1", ["1"]],
    ["1,0", ["1", "0"]],
    ["GPU-9ab", ["GPU-9ab"]],
    ["0,7,1", ["0"]],
    [" 1 , 0 ", ["1", "0"]],
    ["MIG-3f", ["MIG-3f"]],
  ])("keeps to the user's CUDA_VISIBLE_DEVICES=%s, as CUDA reads it", (list, entries) => {
    const verdict = judged(two, { CUDA_VISIBLE_DEVICES: list });
    expect(verdict.type === "usable" && verdict.cards.map(({ entry }) => entry)).toEqual(entries);
  });

  test("counts the cards that a container was given from 0, whatever their files are called", () => {
    const given = { ...nothing, devices: ["nvidia3", "nvidia2"], information: [ofDriver(3)] };
    expect(cardsIn(given).map(labelOf)).toEqual(["GPU 0: NVIDIA GPU", "GPU 1: NVIDIA A100-SXM4-80GB"]);
  });

  test("takes a UUID that nobody can look up as it is, and does not name a card that a number need not mean", () => {
    expect(judged(bare, { CUDA_VISIBLE_DEVICES: "GPU-77" })).toMatchObject({ cards: [{ entry: "GPU-77" }] });
    const mixed = { ...two, smi: csv(first, "1, GPU-2, 9, 580.1, NVIDIA T4") };
    const chosen = { CUDA_VISIBLE_DEVICES: "1" };
    expect(judged(mixed, chosen)).toMatchObject({ type: "usable", cards: [{ entry: "1", name: "NVIDIA GPU" }] });
    expect(problemOf(judged(mixed, { ...chosen, CUDA_DEVICE_ORDER: "PCI_BUS_ID" }))).toMatch(
      /^GPU 1: NVIDIA T4 is not/,
    );
  });

  test.each(["", "-1", " ", "none", "NoDevFiles"])(
    "sees that CUDA_VISIBLE_DEVICES=%j hides all, and is silent",
    (list) => {
      expect(judged(two, { CUDA_VISIBLE_DEVICES: list }, ["libcuda.so.1"])).toEqual({ type: "unwanted" });
    },
  );

  test("with TRIBUTARY_GPU=0 is that none is wanted, whatever is broken", () => {
    expect(judged(two, { TRIBUTARY_GPU: "0" }, ["libcuda.so.1"], "cpu")).toEqual({ type: "unwanted" });
    expect(judged(two, { TRIBUTARY_GPU: " " }).type).toBe("usable");
  });

  test.each(["yes", "2", "true", "cuda"])("refuses TRIBUTARY_GPU=%s, by name, even where no GPU is", (value) => {
    expect(() => judged(nothing, { TRIBUTARY_GPU: value })).toThrow(`USAGE: TRIBUTARY_GPU "${value}": give 0`);
  });

  test.each<[string, Verdict, RegExp]>([
    [
      "a library that is missing",
      judged(one, {}, ["libcudnn.so.9"]),
      /^GPU 0: NVIDIA H200 is not used: libcudnn\.so\.9 is missing or of another version; `npm run setup` brings it; the CPU computes$/,
    ],
    [
      "several",
      judged(two, {}, ["libcufft.so.11", "libcudnn.so.9"]),
      /GPU 1: NVIDIA H200 are not used: libcufft\.so\.11, libcudnn\.so\.9 are missing.*brings them; the CPU computes$/,
    ],
    [
      "the driver's own library",
      judged(bare, {}, ["libcuda.so.1", "libcudnn.so.9"]),
      /libcuda\.so\.1 cannot be loaded; install the NVIDIA driver/,
    ],
    [
      "a driver that is too old",
      judged({ ...bare, version }),
      /the driver 470\.82\.01 is too old for CUDA 12; install 525\.60 or newer; the CPU computes$/,
    ],
    [
      "a driver that was upgraded while it ran",
      judged({ ...bare, smi: { isGood: false, text: "Failed to initialize NVML: Driver/library version mismatch" } }),
      /restart the machine; the CPU computes$/,
    ],
    [
      "a container that was not given the card",
      judged({ ...nothing, information: [ofDriver(0)] }),
      /no file \/dev\/nvidia0; give the container the card/,
    ],
    [
      "no memory, which another process holds",
      judged({ ...one, smi: csv("0, GPU-1, 312, 580.1, NVIDIA H200") }),
      /^GPU 0: NVIDIA H200 is not used: 312 MiB of memory are free where 1024 are needed; `nvidia-smi` shows/,
    ],
    [
      "no memory, held by whom nvidia-smi names",
      judged({ ...one, smi: csv("0, GPU-1, 312, 580.1, NVIDIA H200") }, {}, [], "gpu", ["process 42 (python3, 9 MiB)"]),
      /312 MiB of memory are free where 1024 are needed; held by process 42 \(python3, 9 MiB\); the CPU computes$/,
    ],
    [
      "TensorFlow's library for CPUs",
      judged(one, {}, [], "cpu"),
      /the one for CPUs; `npm run setup` brings the one for GPUs; the CPU/,
    ],
    [
      "TRIBUTARY_GPU=1 without a GPU",
      judged(nothing, { TRIBUTARY_GPU: "1" }),
      /^TRIBUTARY_GPU is 1, and no GPU is seen here; the CPU computes$/,
    ],
    [
      "a CUDA_VISIBLE_DEVICES that names no card",
      judged(one, { CUDA_VISIBLE_DEVICES: "3" }),
      /^CUDA_VISIBLE_DEVICES "3" names none of GPU 0: NVIDIA H200; the CPU/,
    ],
  ])("of %s is that it cannot be used, with what to do next", (_, verdict, said) => {
    expect(verdict.type).toBe("unusable");
    expect(problemOf(verdict)).toMatch(said);
  });

  test("a driver of the oldest version that does, and one that is newer, are good", () => {
    for (const driver of ["525.60.13", "550.54.15", "1000.1"])
      expect(judged({ ...one, smi: csv(`0, GPU-1, 80000, ${driver}, NVIDIA L4`) }).type).toBe("usable");
  });

  test("a full card's memory is held by the processes that nvidia-smi lists on it, the largest first", () => {
    const cards = cardsIn(one);
    const uuid = cards[0]!.uuid;
    const lines = [
      `${uuid}, 7, 20, /usr/bin/Xorg`,
      `${uuid}, 4242, 141000, /opt/x/python3`,
      "GPU-other, 8, 900, x",
      "",
    ];
    expect(holdersIn(lines.join("\n"), cards)).toEqual([
      "process 4242 (python3, 141000 MiB)",
      "process 7 (Xorg, 20 MiB)",
    ]);
    expect(holdersIn("No running processes found", cards)).toEqual([]);
    expect(holdersIn(`${uuid}, 9, [N/A], a, b`, cards)).toEqual(["process 9 (a, b)"]);
  });

  test("a full card among others is left out, and named", () => {
    const verdict = judged({ ...two, smi: csv("0, GPU-1, 12, 580.1, NVIDIA H200", second) });
    expect(verdict).toMatchObject({ type: "usable", cards: [{ entry: "1" }] });
    expect(problemOf(verdict)).toMatch(/^GPU 0: NVIDIA H200 is not used: 12 MiB .*; others are$/);
  });
});

describe("turns", () => {
  const turns = (verdict: Verdict, env: Environment = {}) =>
    [0, 1, 2].map((turn) => environmentOfTurn(verdict, turn, env).CUDA_VISIBLE_DEVICES);

  test("trainers take one GPU each, in the order of the bus; more of them than GPUs share, with memory that grows", () => {
    expect(turns(judged(two))).toEqual(["0", "1", "0"]);
    expect(turns(judged(one))).toEqual(["0", "0", "0"]);
    expect(environmentOfTurn(judged(two), 1, {})).toEqual({
      CUDA_VISIBLE_DEVICES: "1",
      CUDA_DEVICE_ORDER: "PCI_BUS_ID",
      TF_FORCE_GPU_ALLOW_GROWTH: "true",
    });
    // the first one on a card says what TensorFlow finds wrong with it
    expect([0, 1, 2].map((turn) => environmentOfTurn(judged(two), turn, {}).TRIBUTARY_GPU_TOLD)).toEqual([
      undefined,
      undefined,
      "1",
    ]);
  });

  test("what the user has set stands: turns within his cards, their meaning, his way with memory", () => {
    const env = { CUDA_VISIBLE_DEVICES: "1,0", TF_FORCE_GPU_ALLOW_GROWTH: "false" };
    expect(turns(judged(two, env), env)).toEqual(["1", "0", "1"]);
    expect(environmentOfTurn(judged(two, env), 0, env)).toEqual({ CUDA_VISIBLE_DEVICES: "1" });
  });

  test("without a GPU nothing of the environment changes; of one that cannot be used trainers hear no more", () => {
    expect(environmentOfTurn(judged(nothing), 0, {})).toEqual({});
    expect(environmentHere(judged(nothing), {})).toEqual({});
    expect(environmentOfTurn(judged(one, {}, ["libcudnn.so.9"]), 0, {})).toEqual({ TRIBUTARY_GPU: "0" });
    expect(environmentHere(judged(two, { TRIBUTARY_GPU: "0" }), {})).toEqual({ CUDA_VISIBLE_DEVICES: "-1" });
  });

  test("runs side by side take the turns of their trainers, their own cards first", () => {
    const run = (...turns: number[]) => environmentOfRun(judged(two), turns, {});
    expect([run(0), run(1), run(2), run(0, 1), run(2, 3), run(1, 2)].map((env) => env.CUDA_VISIBLE_DEVICES)).toEqual([
      "0,1",
      "1,0",
      "0,1",
      "0,1",
      "0,1",
      "1,0",
    ]);
    expect([run(1).TRIBUTARY_GPU_TOLD, run(2).TRIBUTARY_GPU_TOLD]).toEqual([undefined, "1"]);
    const env = { CUDA_VISIBLE_DEVICES: "1,0" };
    expect(environmentOfRun(judged(two, env), [1], env).CUDA_VISIBLE_DEVICES).toBe("0,1");
    expect(environmentOfRun(judged(nothing), [0], {})).toEqual({});
    expect(environmentOfRun(judged(one, {}, ["libcudnn.so.9"]), [0], {})).toEqual({ TRIBUTARY_GPU: "0" });
  });

  test("a card that is full now is looked at anew by who starts later, without a second warning", () => {
    const full = judged({ ...one, smi: csv("0, GPU-1, 312, 580.1, NVIDIA H200") });
    expect(full).toMatchObject({ type: "unusable", mayPass: true });
    for (const env of [environmentOfTurn(full, 0, {}), environmentOfRun(full, [0], {}), environmentOfService(full)])
      expect(env).toEqual({ TRIBUTARY_GPU_TOLD: "1" });
  });

  test("a card has failed so many times in a row as its processes say so soon after their start", () => {
    const [soon, late] = [5_000, 3_600_000];
    const ends: Ended[] = [
      { signal: null, failed: "GPU_FAILED", ranMs: soon },
      { signal: "SIGABRT", ranMs: soon },
      { signal: null, failed: "ENGINE_FAILED", ranMs: late },
      { signal: null, failed: "GPU_FAILED", ranMs: soon },
      { signal: "SIGKILL", ranMs: soon },
      { signal: null, failed: "SERVER_UNREACHABLE", ranMs: soon },
    ];
    let count = 0;
    expect(ends.map((end) => (count = afterEnding(count, end)))).toEqual([1, 2, 1, 2, 0, 0]);
  });

  test("a process without a turn takes the card with most free memory, the first of equals", () => {
    expect(environmentHere(judged(two), {}).CUDA_VISIBLE_DEVICES).toBe("1");
    expect(
      environmentHere(judged({ ...two, smi: csv(first, first.replace("0,", "1,")) }), {}).CUDA_VISIBLE_DEVICES,
    ).toBe("0");
  });
});

test("the engine that is wanted is the only one tried; of its own accord TensorFlow is, then wasm", () => {
  expect(candidates("wasm", "gpu")).toEqual(["wasm"]);
  expect(candidates("tensorflow", "cpu")).toEqual(["tensorflow"]);
  expect(candidates("auto", "cpu")).toEqual(["tensorflow", "wasm"]);
  expect(candidates("auto", "gpu").slice(-2)).toEqual(["tensorflow", "wasm"]);
});

describe("the look at a machine", () => {
  const root = mkdtempSync(join(tmpdir(), "tributary-gpu-"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const write = (path: string, text: string, mode = 0o644) => {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
    chmodSync(join(root, path), mode);
  };

  test("finds nothing where nothing is", () => {
    expect(look(join(root, "empty"), "")).toEqual({ devices: [], information: [], version: undefined, smi: undefined });
  });

  test("reads device files, the driver's files and what nvidia-smi says, its failure too", () => {
    write("dev/nvidia0", "");
    write("proc/driver/nvidia/version", version);
    write("proc/driver/nvidia/gpus/0000:1b:00.0/information", ofDriver(0));
    write("bin/nvidia-smi", `#!/bin/sh\necho '${first}'\n`, 0o755);
    expect(look(root, `/nonexistent:${join(root, "bin")}`)).toEqual({
      devices: ["nvidia0"],
      information: [ofDriver(0)],
      version,
      smi: csv(first),
    });
    write("bad/nvidia-smi", "#!/bin/sh\necho 'No devices were found'; exit 6\n", 0o755);
    expect(look(root, join(root, "bad")).smi).toMatchObject({
      isGood: false,
      text: expect.stringContaining("No devices"),
    });
  });
});

test("set-up brings what a trainer looks for: the same libraries, each wheel pinned by a hash", async () => {
  const url = new URL("../../infra/cuda/wheels.mjs", import.meta.url).href;
  const { cudaWheels } = (await import(url)) as { cudaWheels: { wheel: string; libraries: string[] }[] };
  const brought = cudaWheels.flatMap(({ libraries }) => libraries);
  expect(brought.filter((library) => library !== "libdevice.10.bc").toSorted()).toEqual([...cudaLibraries].toSorted());
  const pinned = readFileSync(new URL("../../infra/setup/wheels.txt", import.meta.url), "utf8");
  for (const { wheel } of cudaWheels)
    expect(pinned).toMatch(new RegExp(`^${wheel}==\\S+ --hash=sha256:[0-9a-f]{64}$`, "m"));
});
