// The command line and the environment: what is not set, what is named when it is wrong, and which places a flag may
// name.
import { expect, test } from "vitest";
import { z } from "zod";
import { faceHost } from "../../shared/http/face-access.ts";
import { defineCommand, readConfig } from "../../shared/runtime/command.ts";
import { folder, isAddress } from "../../shared/runtime/location.ts";
import { levelOf } from "../../shared/runtime/log.ts";

const command = defineCommand({
  name: "demo",
  summary: "",
  options: z
    .object({
      port: z.coerce.number().int().min(0).max(65535).default(8080),
      json: z.boolean().default(false),
      mode: z.enum(["a", "b"]).default("a"),
      dataDir: folder().default(".tributary"),
      out: folder().optional(),
    })
    .superRefine(({ port, mode }, context) => {
      if (port === 1 && mode === "b") context.addIssue({ code: "custom", path: ["mode"], message: "not on port 1" });
    }),
  run: async () => {},
});
const read = (flags: readonly string[], env: NodeJS.ProcessEnv = {}) => readConfig(command, flags, env);
const problemOf = (work: () => unknown): string => {
  try {
    return `nothing: ${JSON.stringify(work())}`;
  } catch (error) {
    return (error as Error).message;
  }
};

test.each(["", " ", "\t"])("a variable that holds %j is not set", (empty) => {
  const env = {
    TRIBUTARY_PORT: empty,
    TRIBUTARY_JSON: empty,
    TRIBUTARY_MODE: empty,
    TRIBUTARY_DATA_DIR: empty,
    TRIBUTARY_OUT: empty,
  };
  expect(read([], env)).toEqual({ port: 8080, json: false, mode: "a", dataDir: ".tributary" });
  expect(levelOf({ TRIBUTARY_LOG_LEVEL: empty })).toBe("info");
  expect(faceHost({ TRIBUTARY_HTTP_HOST: empty, TRIBUTARY_TOKEN_FILE: empty })).toEqual({
    host: "127.0.0.1",
    tokens: undefined,
  });
});

test("a wrong variable is named as one, a wrong flag as a flag, whoever of both counts", () => {
  const kubernetes = problemOf(() => read([], { TRIBUTARY_PORT: "tcp://10.96.0.12:8080" }));
  expect(kubernetes).toMatch('TRIBUTARY_PORT "tcp://10.96.0.12:8080"');
  expect(kubernetes).toMatch("enableServiceLinks");
  expect(kubernetes).not.toMatch("--port");
  expect(read(["--port", "9"], { TRIBUTARY_PORT: "tcp://10.96.0.12:8080" }).port).toBe(9);
  expect(problemOf(() => read(["--port", "x"], { TRIBUTARY_PORT: "8080" }))).toMatch('--port "x"');
  expect(problemOf(() => read([], { TRIBUTARY_JSON: "maybe" }))).toMatch('TRIBUTARY_JSON "maybe"');
  expect(problemOf(() => read(["--port", "1"], { TRIBUTARY_MODE: "b" }))).toMatch('TRIBUTARY_MODE "b": not on port 1');
  expect(problemOf(() => read([], { TRIBUTARY_OUT: "s3://bucket/run" }))).toMatch('TRIBUTARY_OUT "s3://bucket/run"');
});

test.each(["--port=", "--port= "])("%j gives no number, and port 0 is not what was meant", (flag) => {
  expect(problemOf(() => read([flag]))).toMatch("--port needs a value");
});

test("a log level is one of those that there are, in any case, or USAGE", () => {
  expect(levelOf({ TRIBUTARY_LOG_LEVEL: "WARN" })).toBe("warn");
  expect(problemOf(() => levelOf({ TRIBUTARY_LOG_LEVEL: "verbose" }))).toMatch(
    /^USAGE: TRIBUTARY_LOG_LEVEL "verbose": give one of .*debug/,
  );
});

test.each([
  ...["s3://bucket/events", "s3a://bucket/x", "abfss://c@a.dfs.core.windows.net/t", "hdfs://name:8020/t", "gs://b/t"],
  ...[
    "https://host/table",
    "HDFS://name/t",
    "s3:/bucket/events",
    "hdfs:/t",
    "file:/srv/table",
    "file://host/table",
    "S3://b/t",
    "s3:///t",
    "custom+x.1://y",
  ],
])("%s is an address, and no folder of that name is made", (text) => {
  expect(isAddress(text)).toBe(true);
  expect(problemOf(() => read(["--data-dir", text]))).toMatch(/^USAGE: --data-dir ".*": only folders of this machine/);
});

test.each([
  ["file:///srv/table", "/srv/table"],
  ["file:///srv/with%20space/a?b#c", "/srv/with space/a?b#c"],
])("%s is a folder of this machine", (text, path) => {
  expect(read(["--data-dir", text]).dataDir).toBe(path);
  expect(problemOf(() => read(["--data-dir", "file:///srv/%ff"]))).toMatch(/--data-dir ".*": its percent signs/);
});

test.each(["a=b:c", "./s3://bucket", "/srv/s3://x", "C:/data", "s3", "x:/y", "with space", "ümlaut-日本"])(
  "%s is a folder's name",
  (text) => {
    expect(read(["--data-dir", text]).dataDir).toBe(text);
  },
);

test.each(["", " "])("%j names no folder: it would be the working directory", (text) => {
  expect(problemOf(() => read([`--data-dir=${text}`]))).toMatch(/--data-dir ".*": names none/);
});

test.each([
  ["--prot", "--port"],
  ["--data-dri", "--data-dir"],
  ["--data", "--data-dir"],
  ["--mod=a", "--mode"],
])("the flag %s is refused, and %s suggested", (given, meant) => {
  expect(problemOf(() => read([given]))).toContain(`did you mean ${meant}?`);
});

test.each(["--x", "--verbose", "--jumble"])("for %s, which is like no flag, none is suggested", (given) => {
  expect(problemOf(() => read([given]))).toMatch(/^USAGE: .*is no flag of `demo`: /);
});
