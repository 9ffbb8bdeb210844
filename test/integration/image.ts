// What infra/Dockerfile does, done without Docker in a folder of its own: its COPY, ENV, RUN and WORKDIR in order,
// paths of the image below that folder.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, lutimesSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Image {
  /** Where the image's path lies. */
  at(path: string): string;
  readonly env: NodeJS.ProcessEnv;
  readonly directory: string;
  /** Of ENTRYPOINT: the program and its first arguments. */
  readonly entry: readonly string[];
  /** Of USER. */
  readonly user: number;
}

/** Builds it, under root's strictest umask. `prepare` is called before each command. */
export function buildImage(checkout: string, folder: string, prepare: (image: Image) => void): Image {
  const paths = /(^|[\s=:])(\/(?:opt|data)\b)/g;
  const below = (text: string) => text.replace(paths, (_, before: string, path: string) => `${before}${folder}${path}`);
  let env: NodeJS.ProcessEnv = {};
  let [directory, entry, user, stage] = [folder, [] as string[], 0, ""];
  const image = () => ({ at: (path: string) => join(folder, path), env, directory, entry, user });
  for (const [word, rest] of instructions(readFileSync(join(checkout, "infra", "Dockerfile"), "utf8"))) {
    if (word === "FROM") {
      stage = / AS (\S+)$/.exec(rest)![1]!;
      env = { TRIBUTARY_GPU: "0", HOME: "/root" }; // as cpu-base has it
      directory = folder;
    }
    if (stage !== "build" && stage !== "run") continue;
    if (word === "ENV")
      for (const [, name, value] of rest.matchAll(/(\w+)=(\S+)/g)) env = { ...env, [name!]: below(value!) };
    if (word === "WORKDIR") {
      directory = below(rest);
      mkdirSync(directory, { recursive: true });
    }
    if (word === "COPY" && rest === ". .") strictly(() => copyContext(checkout, directory));
    if (word === "COPY" && rest === "--from=build /opt /opt") forgetTimes(join(folder, "opt"));
    if (word === "RUN" && !rest.startsWith("apt-get ")) {
      prepare(image());
      const options = {
        cwd: directory,
        env: { ...process.env, ...env },
        stdio: ["ignore", "ignore", "inherit"] as const,
      };
      strictly(() => execFileSync("sh", ["-euc", below(rest)], { ...options, stdio: [...options.stdio] }));
    }
    if (word === "USER") user = Number(rest.split(":")[0]);
    if (word === "ENTRYPOINT") entry = JSON.parse(rest) as string[];
  }
  return image();
}

function strictly<T>(body: () => T): T {
  const umask = process.umask(0o077);
  try {
    return body();
  } finally {
    process.umask(umask);
  }
}

/** Of a Dockerfile: each instruction with its arguments, comments left out and continued lines joined. */
function instructions(text: string): [string, string][] {
  const lines = text
    .replace(/^#.*\n/gm, "")
    .replaceAll("\\\n", " ")
    .split("\n");
  return lines
    .filter((line) => line.trim() !== "")
    .map((line) => [line.split(" ")[0]!, line.slice(line.indexOf(" ") + 1).trim()]);
}

/** The files that git would keep, less what .dockerignore names. */
function copyContext(checkout: string, target: string): void {
  const ignored = readFileSync(join(checkout, ".dockerignore"), "utf8").trim().split("\n").map(patternOf);
  const files = execFileSync("git", ["ls-files", "-zco", "--exclude-standard"], {
    cwd: checkout,
    encoding: "utf8",
  }).split("\0");
  for (const file of files.filter(
    (name) => name !== "" && existsSync(join(checkout, name)) && !ignored.some((it) => it.test(name)),
  )) {
    mkdirSync(dirname(join(target, file)), { recursive: true });
    cpSync(join(checkout, file), join(target, file));
  }
}

const patternOf = (line: string) =>
  new RegExp(
    `^${line.replace(/\*\*\/|[*.]/g, (part) => ({ "**/": "(?:.*/)?", "*": "[^/]*", ".": "\\." })[part]!)}(?:/|$)`,
  );

/** A layer of an image may bring its files with other times than they had. */
function forgetTimes(folder: string): void {
  const [from, at] = [`${folder}.from`, new Date(1_700_000_000_000)];
  renameSync(folder, from); // and in a new folder
  mkdirSync(folder);
  for (const name of readdirSync(from)) renameSync(join(from, name), join(folder, name));
  rmSync(from, { recursive: true });
  const touch = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      lutimesSync(join(path, entry.name), at, at);
      if (entry.isDirectory() && entry.name !== "node_modules") touch(join(path, entry.name));
    }
  };
  touch(folder);
}
