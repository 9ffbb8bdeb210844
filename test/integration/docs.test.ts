// The commands of getting started and of the guides, as a reader types them: page after page in one folder, with one
// broker. What differs from the reader's machine: MovieLens is a small file of the same layout, Kafka's address and the
// ports are ours, and the other machine is this one. Blocks marked `not run` say why; test/unit/docs.test.ts reads the
// marks.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, test } from "vitest";
import { freePort } from "../../shared/http/port.ts";
import { type Block, blocksOf } from "../markdown.ts";
import { useBroker } from "./broker-folder.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** The guides go on from each other in this order; one that is not named comes last. */
const order = ["your-own-events", "systems", "compare-systems", "recommendations", "remote-trainers"].map(
  (name) => `${name}.md`,
);
const guides = readdirSync(join(root, "docs/guides"));
const pages = [
  "getting-started.md",
  ...[...order, ...guides.filter((name) => !order.includes(name))].map((name) => `guides/${name}`),
];
const broker = useBroker("docs");
const folder = mkdtempSync(join(tmpdir(), "tributary-docs-"));
const [bin, work] = [join(folder, "bin"), join(folder, "work")];
/** Blocks under way, and those that stay to the page's end. */
const [typed, left] = [new Set<ChildProcess>(), new Set<ChildProcess>()];
let here: readonly (readonly [there: string, here: string])[] = [];

beforeAll(async () => {
  const [page, server] = [await freePort(), await freePort()];
  const serve = page + 1; // where `up` has it
  mkdirSync(bin);
  mkdirSync(join(work, "ml-latest-small"), { recursive: true });
  writeMovieLens(join(work, "ml-latest-small"));
  writeFileSync(
    join(bin, "npx"),
    `#!/bin/sh
shift # "tributary"
case "$1 $*" in
  "up "*) set -- "$@" --port ${page} ;;
  "dashboard "*) set -- "$@" --port ${page} ;;
  "serve "*) set -- "$@" --http-port ${serve} ;;
  *--listen*) ;;
  "server "*) set -- "$@" --listen 127.0.0.1:${server} ;;
esac
exec "${process.execPath}" "${join(root, "infra/tributary.mjs")}" "$@"
`,
  );
  chmodSync(join(bin, "npx"), 0o755);
  here = [
    ["kafka:9092", broker.env.KAFKA_BROKERS],
    ["127.0.0.1:8081", `127.0.0.1:${serve}`],
    ["127.0.0.1:7070", `127.0.0.1:${server}`],
    ["0.0.0.0:7070", `127.0.0.1:${server}`],
    ["server.example.com:7070", `localhost:${server}`],
    ["server.example.com", "localhost"],
  ];
  await broker.kafka.ensureTopic("clicks", 4);
  await broker.kafka.produce("clicks", [
    { key: "u1", value: '{"user": "u1", "item": "i9", "timestamp": "yesterday"}' },
  ]); // the guide's dead letter, which it sends with kcat
});
afterAll(async () => {
  await endAll();
  rmSync(folder, { recursive: true, force: true });
});

test.each(pages)(
  "docs/%s",
  async (page) => {
    for (const block of blocksOf(readFileSync(join(root, "docs", page), "utf8")).filter(
      ({ language }) => language === "sh",
    )) {
      if (block.mark?.startsWith("not run")) continue;
      if (block.mark === "left running") leave(block);
      else await runs(page, block, left.size > 0 ? 60_000 : 0);
    }
    await endAll();
  },
  240_000,
);

function bash(text: string): ChildProcess {
  const ours = here.reduce((all, [there, at]) => all.replaceAll(there, at), text);
  return spawn("bash", ["-euo", "pipefail", "-c", ours], {
    cwd: work,
    env: { ...process.env, ...broker.env, PATH: `${bin}:${process.env.PATH}` },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
}

/**
 * Throws unless it ends with 0; where something was left running, within so long: the reader waits for that as well.
 */
async function runs(page: string, { text, line }: Block, patienceMs: number): Promise<void> {
  for (const deadline = performance.now() + patienceMs; ; await new Promise((resolve) => setTimeout(resolve, 2_000))) {
    const child = bash(text);
    typed.add(child);
    const said: string[] = [];
    for (const stream of [child.stdout!, child.stderr!])
      stream.setEncoding("utf8").on("data", (words: string) => void said.push(words));
    const [code] = await once(child, "close");
    typed.delete(child);
    if (code === 0) return;
    if (performance.now() > deadline) throw new Error(`docs/${page}:${line} ended with ${code}\n${said.join("")}`);
  }
}

function leave({ text }: Block): void {
  const child = bash(text);
  child.stdout!.resume();
  child.stderr!.resume();
  left.add(child);
}

/** Ends everything that was left running, until nothing of it is there. */
async function endAll(): Promise<void> {
  for (const child of [...left, ...typed]) {
    signal(child, "SIGTERM");
    const deadline = performance.now() + 20_000;
    while (signal(child, 0)) {
      if (performance.now() > deadline) signal(child, "SIGKILL");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  left.clear();
  typed.clear();
}

function signal({ pid }: ChildProcess, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid!, name);
  } catch {
    return false; // nobody is left
  }
}

/** 240 people and 50 films, of which each likes those of two kinds: the layout of ml-latest-small. */
function writeMovieLens(dir: string): void {
  const known = new Map([
    [6, "Heat (1995)"],
    [16, "Casino (1995)"],
    [50, "Usual Suspects, The (1995)"],
    [318, "Shawshank Redemption, The (1994)"],
  ]);
  const films = [...known.keys(), ...Array.from({ length: 46 }, (_, k) => 1000 + k)];
  const movies = films.map((film) => `${film},"${known.get(film) ?? `Film ${film}`}",Drama`);
  writeFileSync(join(dir, "movies.csv"), `movieId,title,genres\n${movies.join("\n")}\n`);
  const ratings = Array.from({ length: 240 }, (_, k) => k + 1).flatMap((user) =>
    films
      .filter((_, k) => (k * 7 + user * 3) % 5 < 2 || (k + user) % 9 === 0)
      .map((film, k) => `${user},${film},${(film + user) % 6 === 0 ? "2.0" : "4.5"},${964_982_000 + user * 100 + k}`),
  );
  writeFileSync(join(dir, "ratings.csv"), `userId,movieId,rating,timestamp\n${ratings.join("\n")}\n`);
}
