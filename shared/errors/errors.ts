// The one table of errors that a user can meet: exit code, whether a retry can help, and what to do next.
// docs/reference/errors.md is made from it.

export const errors = {
  USAGE: { exit: 2, retryable: false, hint: "run the command with --help to see its flags" },
  COMMAND_UNKNOWN: { exit: 2, retryable: false, hint: "run `tributary --help` to see the commands" },
  SETUP_MISSING: { exit: 3, retryable: false, hint: "run `npm run setup`" },
  JAVA_MISSING: {
    exit: 3,
    retryable: false,
    hint:
      "run `npm run setup`, which brings one; or install a Java 17 runtime (Debian: `apt-get install " +
      "openjdk-17-jre-headless`), or set KAFKA_BROKERS",
  },
  BROKER_UNREACHABLE: {
    exit: 3,
    retryable: true,
    hint: "start one with `tributary broker start`, or set KAFKA_BROKERS",
  },
  KAFKA_LOGIN_REFUSED: {
    exit: 3,
    retryable: false,
    hint: "check sasl.mechanism and sasl.jaas.config of --kafka-config or KAFKA_SASL_..., and the user in Kafka",
  },
  KAFKA_TLS_REFUSED: {
    exit: 3,
    retryable: false,
    hint:
      "check security.protocol, ssl.truststore.location (the authority), ssl.keystore.location (a client " +
      "certificate) and the name that Kafka is reached by, in --kafka-config and in Kafka's advertised.listeners",
  },
  KAFKA_FORBIDDEN: {
    exit: 3,
    retryable: false,
    hint: "let this user do it (kafka-acls --add ...); docs/guides/kafka.md lists what each command needs",
  },
  BROKER_FAILED: { exit: 3, retryable: false, hint: "read the broker's log named above" },
  SERVER_UNREACHABLE: { exit: 3, retryable: true, hint: "check the address, and that `tributary server` runs there" },
  SERVICE_UNREACHABLE: { exit: 3, retryable: true, hint: "check the address, and that the service runs there" },
  PEER_REJECTED: {
    exit: 1,
    retryable: false,
    hint: "the server says why; start a trainer of the same version as the server, with its --token-file if it has one",
  },
  TOKEN_REFUSED: {
    exit: 3,
    retryable: false,
    hint:
      "send a token of the role reader, or operator to roll back: `--token-file`, or the header " +
      "`authorization: Bearer TOKEN`",
  },
  ORIGIN_REFUSED: {
    exit: 2,
    retryable: false,
    hint:
      "only the dashboard's own page may do this, a proxy's host being named with --allowed-hosts; at the " +
      "terminal it is `tributary models rollback`",
  },
  HOST_REFUSED: {
    exit: 2,
    retryable: false,
    hint: "ask for it by the address that it listens on, or name this host: `tributary dashboard --allowed-hosts NAME`",
  },
  CERTIFICATE_REFUSED: {
    exit: 3,
    retryable: false,
    hint:
      "check the host and ws:// or wss:// in --server, the certificate's dates, and --tls-ca where the " +
      "authority is your own",
  },
  ENGINE_MISSING: {
    exit: 3,
    retryable: false,
    hint: "run `npm run setup`, which builds the TensorFlow engine or falls back to wasm",
  },
  GPU_UNUSED: {
    exit: 3,
    retryable: false,
    hint: "docs/guides/gpu.md says what each reason asks for; TRIBUTARY_GPU=0 keeps to the CPU without this warning",
  },
  GPU_FAILED: {
    exit: 3,
    retryable: true,
    hint: "`nvidia-smi` shows who holds its memory; TRIBUTARY_GPU=0 keeps to the CPU",
  },
  ENGINE_UNFIT: {
    exit: 2,
    retryable: false,
    hint: "start the trainer with `--engine tensorflow`, which computes every system",
  },
  ENGINE_FAILED: {
    exit: 1,
    retryable: true,
    hint:
      "the library says why above: free memory of the device or the machine where there was too little, keep to the " +
      "CPU with TRIBUTARY_GPU=0, or start the trainer with `--engine tensorflow`",
  },
  PORT_IN_USE: { exit: 3, retryable: false, hint: "choose another port, or stop the process that holds it" },
  ALREADY_RUNNING: { exit: 1, retryable: false, hint: "stop the process named above, or choose another --data-dir" },
  LOCK_LOST: {
    exit: 1,
    retryable: true,
    hint: "it has written nothing since; start it again where the other one is not to go on",
  },
  SERVICE_DIED: { exit: 1, retryable: false, hint: "read the service's log named above" },
  EVENTS_TOO_FEW: {
    exit: 1,
    retryable: false,
    hint: "give a file with more events, or leave out --once and let more come",
  },
  DISK_FULL: { exit: 1, retryable: true, hint: "free some space, then start again: nothing accepted is lost" },
  DISK_FAILED: {
    exit: 1,
    retryable: true,
    hint:
      "look at the system's log (`dmesg`), or at the connection to the file server, then start again: nothing " +
      "accepted is lost",
  },
  READ_ONLY: {
    exit: 1,
    retryable: true,
    hint:
      "let this user write there, or choose another directory; serve, verify, status, evaluate, recommend, " +
      "plot and `models list` need no more than to read",
  },
  FILE_SYSTEM_UNFIT: {
    exit: 1,
    retryable: false,
    hint:
      "put the data directory on a file system of this machine, such as ext4, xfs or apfs; files of a " +
      "network's or of Windows' may lack what this needs",
  },
  STORE_AWAY: {
    exit: 3,
    retryable: true,
    hint: "check AWS_ENDPOINT_URL and the network; nothing is lost, and whoever runs on tries again",
  },
  STORE_LOGIN_MISSING: {
    exit: 3,
    retryable: false,
    hint:
      "give them as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, by AWS_PROFILE, or by the role of the machine or " +
      "the container; docs/guides/object-store.md names all ways",
  },
  STORE_LOGIN_EXPIRED: {
    exit: 3,
    retryable: true,
    hint: "renew them (`aws sso login`, a new session token); nothing is lost, and whoever runs on reads them again",
  },
  STORE_FORBIDDEN: {
    exit: 3,
    retryable: false,
    hint:
      "let these credentials do s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload and " +
      "s3:ListBucket there: without the last S3 says forbidden where something is not there",
  },
  STORE_REFUSED: { exit: 3, retryable: false, hint: "the server's own words stand above" },
  STORE_UNFIT: {
    exit: 3,
    retryable: false,
    hint:
      "nothing was written; use a server that keeps If-None-Match and is consistent, as Amazon S3 does, or a folder; " +
      "docs/guides/object-store.md names servers",
  },
  BUCKET_MISSING: { exit: 2, retryable: false, hint: "check its name and AWS_ENDPOINT_URL, or make the bucket" },
  BUCKET_ELSEWHERE: { exit: 2, retryable: false, hint: "set AWS_REGION to the region of the bucket" },
  CLOCK_WRONG: {
    exit: 3,
    retryable: false,
    hint: "set the clock (NTP): requests are signed with the time, and may be 15 minutes off at most",
  },
  TOO_MANY_FILES: {
    exit: 1,
    retryable: true,
    hint: "let the process open more files (`ulimit -n 4096`), then start again",
  },
  MEMORY_EXHAUSTED: {
    exit: 1,
    retryable: true,
    hint: "give it more (`--memory` of ingest, the container's limit), then start again: nothing accepted is lost",
  },
  FILE_MISSING: { exit: 2, retryable: false, hint: "check the path" },
  FILE_UNREADABLE: { exit: 1, retryable: false, hint: "check the path, its permissions, and that the file is whole" },
  CSV_MALFORMED: {
    exit: 2,
    retryable: false,
    hint:
      "name the columns with --map user=...,item=...,timestamp=...,value=..., or with --header where no line " +
      "names them; --delimiter, --quote and --encoding say how it is written",
  },
  PARQUET_MALFORMED: {
    exit: 2,
    retryable: false,
    hint: "name the columns with --map user=...,item=...,timestamp=...,value=...",
  },
  NO_EVENTS: {
    exit: 1,
    retryable: false,
    hint: "nothing was sent or written: correct the file, or say with the flags of --help how it is written",
  },
  ROWS_REFUSED: {
    exit: 1,
    retryable: false,
    hint:
      "everything else was sent or written: correct these rows and bring them in a file of their own, or pass " +
      "over such rows with --on-bad-row skip",
  },
  TABLE_MISSING: { exit: 2, retryable: false, hint: "check --table, or run `tributary ingest` first" },
  TABLE_CORRUPT: {
    exit: 1,
    retryable: false,
    hint: "run `tributary verify --table DIR`; the log keeps the last good version",
  },
  TABLE_UNSUPPORTED: { exit: 1, retryable: false, hint: "this table needs a newer reader; upgrade Tributary" },
  WRITER_FENCED: {
    exit: 1,
    retryable: true,
    hint: "another ingest process owns the partition now; this one has written nothing",
  },
  TABLE_CHANGED: { exit: 1, retryable: true, hint: "nothing of this was written; run it again" },
  VERSION_GONE: {
    exit: 1,
    retryable: false,
    hint: "vacuum has removed versions older than its --retention; use a newer version, or start anew",
  },
  OFFSETS_LOST: {
    exit: 1,
    retryable: false,
    hint:
      "`ingest --on-lost-offsets continue` books what was deleted as LOST and reads on; `--on-new-topic restart` " +
      "reads a topic that was made anew from its beginning, beside what the table has of the one before",
  },
  BATCH_CORRUPT: {
    exit: 1,
    retryable: false,
    hint:
      "everything before it is in the table; look at the topic with kafka-dump-log, and go past the batch by " +
      "deleting the records up to it (kafka-delete-records)",
  },
  BAD_EVENT: {
    exit: 1,
    retryable: false,
    hint:
      "everything before it is in the table; correct the producer, or start with --on-bad-event dead-letter to " +
      "go past it",
  },
  TOPIC_MISSING: { exit: 2, retryable: false, hint: "check --topic, and that KAFKA_BROKERS names the right Kafka" },
  REGISTRY_AWAY: {
    exit: 3,
    retryable: true,
    hint: "check --schema-registry, and that the registry runs; ingest waits for it and skips nothing",
  },
  REGISTRY_REFUSED: {
    exit: 3,
    retryable: false,
    hint: "give SCHEMA_REGISTRY_AUTH=user:password of one who may read schemas",
  },
  MAP_MALFORMED: {
    exit: 2,
    retryable: false,
    hint:
      "docs/guides/event-shapes.md shows maps, and `tributary events preview --topic T --map ...` what one makes of " +
      "a few messages",
  },
  LETTERS_REFUSED: {
    exit: 1,
    retryable: false,
    hint:
      "nothing was sent: correct `value` in these lines of `dead-letters list --json`, or leave them out, and " +
      "run it again",
  },
  TIME_LEAK: {
    exit: 1,
    retryable: false,
    hint:
      "a model is only scored on events that came after all that it was trained on; check the manifest's " +
      "tableVersion",
  },
  DATASET_MALFORMED: {
    exit: 2,
    retryable: false,
    hint: "compare with the layout of Liang et al.: uid,sid rows, ids below the line count of unique_sid.txt",
  },
  NOBODY_HELD_OUT: {
    exit: 1,
    retryable: false,
    hint:
      "name data whose validation or test part holds users with items to predict: `tributary split --held-out " +
      "N`, or a table with more users",
  },
  CHECKPOINT_MISSING: {
    exit: 2,
    retryable: false,
    hint: "check --checkpoint; a checkpoint holds model.safetensors and manifest.json",
  },
  CHECKPOINT_CORRUPT: {
    exit: 1,
    retryable: false,
    hint: "use another checkpoint, such as an earlier one; this one is not used",
  },
  CHECKPOINT_MISMATCH: {
    exit: 2,
    retryable: false,
    hint: "use the flags and the data that the checkpoint was made with, or another --out",
  },
  MODEL_TOO_LARGE: {
    exit: 1,
    retryable: false,
    hint:
      "a part's gradients (items x (--latent + 1) x 4 bytes) must fit 4 GiB, hidden layers with their moments " +
      "2 GiB, all weights three times this machine: fewer items, or a smaller --hidden or --latent",
  },
  DATA_TOO_LARGE: {
    exit: 1,
    retryable: false,
    hint:
      "nothing was started: give it a machine or a container with more memory, fewer items, or choose a system " +
      "that needs less, such as ials",
  },
  NOT_FINITE: {
    exit: 1,
    retryable: false,
    hint:
      "nothing of this was written and the last good checkpoint is kept; try a smaller --learning-rate, or a " +
      "larger --lambda",
  },
  FRAME_MALFORMED: {
    exit: 1,
    retryable: false,
    hint: "the peer speaks another protocol; start both from the same version",
  },
  USER_UNKNOWN: { exit: 2, retryable: false, hint: "the table holds no event of this user; give items instead" },
  ITEM_UNKNOWN: {
    exit: 2,
    retryable: false,
    hint: "name an item that the model was trained on; one that is met often enough is in a later model",
  },
  VECTORS_MISSING: {
    exit: 2,
    retryable: false,
    hint:
      "ask without it, or publish a model of a system whose items have vectors: any but popularity; an item that " +
      "nobody has learned of has none",
  },
  ITEMS_TABLE_MISSING: {
    exit: 2,
    retryable: false,
    hint: "name a file of items and their attributes: `--items-table FILE`, of serve where it answers",
  },
  ITEMS_TABLE_UNFIT: {
    exit: 2,
    retryable: false,
    hint:
      "a CSV or Parquet file with a column of items (`--items-column` names it) and columns that requests filter by " +
      "is read; docs/guides/recommendations.md says what they may hold",
  },
  REQUEST_MALFORMED: {
    exit: 2,
    retryable: false,
    hint:
      'POST JSON such as {"items": ["i1", "i9"], "k": 10} or {"user": "u1"}; docs/reference/http.md lists the ' +
      "limits",
  },
  MODEL_UNKNOWN: {
    exit: 2,
    retryable: false,
    hint: "`tributary models list` shows the versions that are there; name one of them",
  },
  BENCHMARK_MISMATCH: {
    exit: 2,
    retryable: false,
    hint: "use the flags and the data that the benchmark was begun with, or another --out",
  },
  NOTHING_TRAINED: {
    exit: 1,
    retryable: false,
    hint:
      "the report in --out says why for each model; give a longer --budget, or mend what the errors name and " +
      "run it again",
  },
  STREAM_TOO_SHORT: {
    exit: 1,
    retryable: false,
    hint: "give a longer stream, shorter --round and --model-lag, or a smaller --rate",
  },
  NOTHING_ARRIVED: {
    exit: 1,
    retryable: false,
    hint:
      "the evaluator writes of what arrives once a model is published, every ten seconds: name with --stream what " +
      "`up --data-dir` named, and ask again later",
  },
  NOTHING_TO_PLOT: {
    exit: 2,
    retryable: false,
    hint: "run `tributary train --out DIR` or `tributary up` first, and name with --run what --out or --data-dir named",
  },
  MODEL_MISSING: {
    exit: 3,
    retryable: true,
    hint: "the evaluator publishes the first model that is as good as popularity; ask again later",
  },
} as const satisfies Record<string, { exit: 1 | 2 | 3; retryable: boolean; hint: string }>;

export type ErrorCode = keyof typeof errors;
export type Facts = Readonly<Record<string, string | number | boolean>>;

/** What went wrong, where, and what to do next. `facts` say where: names, paths, numbers. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly facts: Facts;

  constructor(code: ErrorCode, facts: Facts, options?: ErrorOptions) {
    super(`${code}: ${describe(facts)}. ${errors[code].hint}`, options);
    this.name = "AppError";
    this.code = code;
    this.facts = facts;
  }
}

function describe(facts: Facts): string {
  const { what, ...where } = facts;
  const details = Object.entries(where).map(([name, value]) => `${name} ${value}`);
  return [what, details.join(", ")].filter((part) => part !== undefined && part !== "").join(": ");
}

/** For the end of a switch that covers every case. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
