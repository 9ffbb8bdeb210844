// Environment variables that are no flags, and what each is for. docs/reference/configuration.md is made from it; a
// test compares it with those that the code reads.
export const variables = {
  KAFKA_BROKERS: "`host:port,...` of a Kafka of your own; without it a local one is started",
  KAFKA_BOOTSTRAP_SERVERS:
    "the same; so is each key of a `client.properties` a variable, such as `KAFKA_SASL_JAAS_CONFIG` for " +
    "`sasl.jaas.config`; what `--kafka-config` says is stronger (docs/guides/kafka.md)",
  SCHEMA_REGISTRY_AUTH: "`user:password` at the registry of `--schema-registry`",
  AWS_REGION:
    "of the bucket; beside it all of Amazon's variables and files for credentials hold, AWS_PROFILE, " +
    "AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE and so on (docs/guides/object-store.md)",
  AWS_DEFAULT_REGION: "the same, where that is not set",
  AWS_ENDPOINT_URL: "of an object store that is not Amazon's",
  AWS_ENDPOINT_URL_S3: "the same; it is stronger",
  AWS_VIRTUAL_HOSTED_STYLE_REQUEST:
    "`true`: the bucket stands in the host's name, `false`: in the path (default: in the path at an endpoint of " +
    "one's own, in the host's name at Amazon's)",
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "of Amazon's client: whether it is silent on the version of Node",
  TRIBUTARY_HTTP_HOST:
    "where `/live`, `/ready`, `/status` and `/metrics` of ingest, server, trainer and evaluator listen (default " +
    "`127.0.0.1`); beyond loopback `TRIBUTARY_TOKEN_FILE` must name a token file, whose `reader` may read the " +
    "last two",
  TRIBUTARY_TOKEN_FILE: "what `--token-file` takes, for those of them that have no such flag",
  TRIBUTARY_LOG_LEVEL: "`trace`, `debug`, `info` (default), `warn`, `error`, `fatal`, `silent`",
  TRIBUTARY_GPU:
    "`0` keeps to the CPU everywhere, in set-up too; `1`: a GPU is meant, set-up brings what it needs and whoever " +
    "finds none warns. Without it, what this machine has",
  CUDA_VISIBLE_DEVICES:
    "the GPUs that may be used, as CUDA reads it; trainers that are started here take them by turns, one each " +
    "(default all; empty or `-1` for none)",
  TRIBUTARY_MAVEN_REPOSITORY: "where set-up fetches Kafka's jars, where there is no Maven",
  JAVA_HOME: "the Java that the local Kafka runs on",
  XDG_CACHE_HOME: "where downloads, builds and compiled graphs are kept (default `~/.cache`)",
  TRIBUTARY_FIXTURES: "folder of golden numbers for the tests (default `test/golden`)",
  TRIBUTARY_SHOW_MATRIX: "`1`: the tests of faults print what each fault did",
} as const;
