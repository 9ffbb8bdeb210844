// The layers: every import of shared/ and services/, those of types too, is read and held against the rules.
// CONTRIBUTING.md draws the rooms.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { statuses } from "../../shared/health/status/readings.ts";

/** Rooms of shared/, the ground first: each may import those before it, and itself. */
const layers = [
  "errors",
  "disk",
  "runtime",
  "locks",
  "http",
  "events",
  "storage",
  "table",
  "files",
  "kafka",
  "compute",
  "ranking",
  "solvers",
  "neural",
  "systems",
  "training",
  "checkpoints",
  "corpus",
  "judging",
  "recommending",
  "health",
  "plots",
];

/**
 * Rooms that know no clock, no chance, no disk and no network: time and randomness are arguments. Beside a room its
 * files that do know them.
 */
const pure: Readonly<Record<string, readonly string[]>> = {
  events: [],
  ranking: [],
  solvers: [],
  neural: [],
  systems: [],
  plots: [],
  training: ["exchange.ts"],
  corpus: ["dataset.ts"],
  judging: ["per-user.ts"],
  recommending: [],
  health: ["answers.ts"],
};
const impureModules = /^(node:.*|ws|undici|kafkajs|fastify|pino.*|prom-client)$/;
const impureCalls =
  /(?<![.\w])(Date\.now\(|new Date\(\)|Math\.random\(|performance\.now\(|process\.(env|hrtime|stdout|stderr|pid)|setTimeout\(|setInterval\(|fetch\(|randomUUID\()/;

/** Of health, the lowest first. */
const floors = ["status", "facts", "rules", "views"];

interface Import {
  readonly from: string;
  readonly to: string;
  /** A thread's file, which is started and not loaded. */
  readonly isThread?: boolean;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const files = ["shared", "services"].flatMap((top) =>
  readdirSync(join(root, top), { recursive: true, encoding: "utf8" })
    .map((name) => join(top, name))
    .filter((path) => /\.(ts|mjs)$/.test(path) && !/\/(dist|node_modules|assembly)\//.test(path)),
);
const text = new Map(files.map((path) => [path, readFileSync(join(root, path), "utf8")]));
/**
 * `import ... from`, `export ... from`, `import("...")` and the files of threads, `new URL("...", import.meta.url)`.
 */
const specifiers = /(\bfrom\s+|\bimport\s+|\bimport\(\s*|\bnew URL\(\s*)"([^"]+)"/g;
const outside: Import[] = [];
const imports: Import[] = [];
for (const [from, source] of text)
  for (const [, how, specifier] of source.matchAll(specifiers)) {
    if (!specifier!.startsWith(".")) outside.push({ from, to: specifier! });
    else if (/\.(ts|mjs)$/.test(specifier!))
      imports.push({
        from,
        to: relative(root, join(root, dirname(from), specifier!)),
        isThread: how!.startsWith("new"),
      });
  }

/** The list of commands, and who calls one of it. */
const isCommandLine = (path: string) => /^services\/(cli|all-commands)\.ts$/.test(path);
const told = ({ from, to }: Import) => `${from} -> ${to}`;
const room = (path: string) => (path.startsWith("shared/") ? path.split("/")[1]! : undefined);
/** A process, or a command: the folder, or the file, that no other one may look into. */
const service = (path: string) => /^services\/(commands\/[^/]+|[^/]+)/.exec(path)?.[1];

describe("layers", () => {
  test("the rules see the project: every room has files and imports, and so have the services", () => {
    for (const name of layers)
      expect(
        files.some((path) => room(path) === name),
        name,
      ).toBe(true);
    expect([...new Set(files.map(room))].filter((name) => name !== undefined).toSorted()).toEqual(layers.toSorted());
    for (const name of layers.slice(1))
      expect(imports.filter(({ to }) => room(to) === name).length, name).toBeGreaterThan(0);
    expect(imports.filter(({ from, to }) => service(from) && room(to)).length).toBeGreaterThan(500);
    expect(imports.filter(({ from, to }) => service(from) && service(to)).length).toBeGreaterThan(100);
    for (const { from, to } of imports)
      expect(text.has(to) || to.startsWith("infra/"), `${from} imports ${to}, which is none`).toBe(true);
    expect(outside.filter(({ to }) => impureModules.test(to)).length).toBeGreaterThan(50);
  });

  test("no arrow runs up: a room imports itself and those below it", () => {
    const up = imports.filter(
      ({ from, to }) => room(from) && layers.indexOf(room(from)!) < layers.indexOf(room(to) ?? ""),
    );
    expect(up.map(told)).toEqual([]);
  });

  test("nothing in shared/ imports a service", () => {
    expect(imports.filter(({ from, to }) => room(from) && service(to)).map(told)).toEqual([]);
  });

  test("no service and no command imports another; the command line alone loads them", () => {
    const across = imports.filter(({ from, to }) => service(from) && service(to) && service(from) !== service(to));
    expect(across.filter(({ from }) => isCommandLine(from)).length).toBeGreaterThan(20);
    const others = across.filter(({ from }) => !isCommandLine(from));
    expect(others.map(told)).toEqual([]);
  });

  test("a service's or command's main.ts is its wiring: at most 80 lines, its flags in options.ts", () => {
    const mains = [...text].filter(([path]) => /^services\/(commands\/)?[^/]+\/main\.ts$/.test(path));
    expect(mains.length).toBeGreaterThan(15);
    expect(mains.filter(([, source]) => source.split("\n").length - 1 > 80).map(([path]) => path)).toEqual([]);
    const ofFlags = imports.filter(
      ({ from, to }) => /\/main\.ts$/.test(from) && to === from.replace("main.ts", "options.ts"),
    );
    expect(ofFlags.map(({ from }) => from).toSorted()).toEqual(mains.map(([path]) => path).toSorted());
    expect(outside.filter(({ from, to }) => mains.some(([path]) => path === from) && to === "zod").map(told)).toEqual(
      [],
    );
  });

  test("health goes one way: what services say, facts of it, rules on facts, views of both", () => {
    const floor = (path: string) => floors.indexOf(/^shared\/health\/([^/]+)\//.exec(path)?.[1] ?? "");
    const inside = imports.filter(({ from, to }) => floor(from) >= 0 && floor(to) >= 0);
    for (const name of floors)
      expect(inside.filter(({ to }) => floor(to) === floors.indexOf(name)).length, name).toBeGreaterThan(5);
    expect(inside.filter(({ from, to }) => floor(from) < floor(to)).map(told)).toEqual([]);
  });

  test("each service answers /status by its own schema", () => {
    for (const name of Object.keys(statuses)) {
      const owners = imports
        .filter(({ to }) => to === `shared/health/status/${name}.ts`)
        .map(({ from }) => service(from));
      expect(owners.filter((owner) => owner === name || owner === `commands/${name}`).length, name).toBeGreaterThan(0);
    }
  });

  test("no circle of files", () => {
    expect(circles(imports.filter(({ isThread }) => !isThread))).toEqual([]);
  });

  test("pure rooms know no clock, no chance, no disk and no network", () => {
    const inPure = (path: string) => pure[room(path) ?? ""]?.every((edge) => !path.endsWith(`/${edge}`)) ?? false;
    expect(files.filter(inPure).length).toBeGreaterThan(100);
    expect(outside.filter(({ from, to }) => inPure(from) && impureModules.test(to)).map(told)).toEqual([]);
    expect(imports.filter(({ from, to }) => inPure(from) && to === "shared/runtime/log.ts").map(told)).toEqual([]);
    const calling = [...text].filter(([path, source]) => inPure(path) && impureCalls.test(withoutComments(source)));
    expect(calling.map(([path]) => path)).toEqual([]);
    for (const [name, edges] of Object.entries(pure))
      for (const edge of edges) {
        const path = `shared/${name}/${edge}`;
        const knows =
          outside.some(({ from, to }) => from === path && impureModules.test(to)) ||
          impureCalls.test(text.get(path) ?? "");
        expect(knows, `${path} is pure by now: take it off the list`).toBe(true);
      }
  });
});

const withoutComments = (source: string) => source.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");

/** Files that import each other round about (Tarjan 1972), each circle as one line. */
function circles(all: readonly Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of all) next.set(from, [...(next.get(from) ?? []), to]);
  const [order, low, stack, found] = [
    new Map<string, number>(),
    new Map<string, number>(),
    [] as string[],
    [] as string[],
  ];
  const visit = (file: string): void => {
    order.set(file, order.size);
    low.set(file, order.get(file)!);
    stack.push(file);
    for (const to of next.get(file) ?? []) {
      if (!order.has(to)) visit(to);
      if (stack.includes(to)) low.set(file, Math.min(low.get(file)!, low.get(to)!));
    }
    if (low.get(file) !== order.get(file)) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1) found.push(circle.toSorted().join(", "));
  };
  for (const file of next.keys()) if (!order.has(file)) visit(file);
  return found;
}
