// What a bucket's server refuses, or why it does not answer, as a kind to act by and as one of our errors. Pure.
// Source: Amazon S3 API Reference, "Error responses", which those who speak its protocol keep to.
import { AppError, type ErrorCode } from "../../errors/errors.ts";

/** As the client throws it. */
interface Answer extends Error {
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
  readonly Region?: string;
}

export type Kind =
  /** The object, not the bucket. */
  | "absent"
  /** The condition of a put does not hold. */
  | "taken"
  /** Passes by itself: no answer, an answer cut off, overload. */
  | "away"
  /** Each of the rest has one of our errors, and waiting alone does not help. */
  | "expired"
  | "clock"
  | "no bucket"
  | "elsewhere"
  | "no credentials"
  | "no region"
  | "forbidden"
  | "other";

const kinds: Readonly<Record<string, Kind>> = {
  ...{ NoSuchKey: "absent", NotFound: "absent", PreconditionFailed: "taken" },
  ...{ ExpiredToken: "expired", TokenRefreshRequired: "expired", ExpiredTokenException: "expired" },
  ...{ RequestTimeTooSkewed: "clock", RequestExpired: "clock" },
  ...{ NoSuchBucket: "no bucket", InvalidBucketName: "no bucket" },
  ...{ PermanentRedirect: "elsewhere", AuthorizationHeaderMalformed: "elsewhere" },
  ...{ IllegalLocationConstraintException: "elsewhere" },
  ...{ CredentialsProviderError: "no credentials", TokenProviderError: "no credentials" },
  ...{ AccessDenied: "forbidden", AllAccessDisabled: "forbidden", AccountProblem: "forbidden" },
  ...{ InvalidAccessKeyId: "forbidden", SignatureDoesNotMatch: "forbidden", InvalidToken: "forbidden" },
  ...{ SlowDown: "away", RequestTimeout: "away", InternalError: "away", ServiceUnavailable: "away" },
  ...{ ConditionalRequestConflict: "away", OperationAborted: "away", TimeoutError: "away", AbortError: "away" },
  // of a multipart upload that another try has ended
  NoSuchUpload: "away",
};
const ofStatus: Readonly<Record<number, Kind>> = {
  ...{ 301: "elsewhere", 307: "elsewhere", 403: "forbidden", 404: "absent", 408: "away", 409: "away", 412: "taken" },
  ...{ 429: "away", 501: "other" },
};

export function kindOf(error: unknown): Kind {
  const { name, code, message, $metadata } = error as Answer;
  const status = $metadata?.httpStatusCode ?? 0;
  const known = kinds[name] ?? (code === undefined ? undefined : kinds[code]);
  if (known) return known;
  if (/^Region is missing/.test(message)) return "no region";
  if (ofStatus[status]) return ofStatus[status];
  if (status >= 500) return "away";
  // no answer of the server's: the network's, or one that was cut off or garbled on the way
  return status === 0 || status === 200 ? "away" : "other";
}

const codes: Readonly<Record<Exclude<Kind, "absent" | "taken">, ErrorCode>> = {
  away: "STORE_AWAY",
  expired: "STORE_LOGIN_EXPIRED",
  clock: "CLOCK_WRONG",
  "no bucket": "BUCKET_MISSING",
  elsewhere: "BUCKET_ELSEWHERE",
  "no credentials": "STORE_LOGIN_MISSING",
  "no region": "BUCKET_ELSEWHERE",
  forbidden: "STORE_FORBIDDEN",
  other: "STORE_REFUSED",
};

/** `doing` as in "reading s3://b/k". */
export function refusal(kind: Exclude<Kind, "absent" | "taken">, error: unknown, doing: string, tries: number) {
  const { name, message, $metadata, $response, Region } = error as Answer;
  const region = $response?.headers?.["x-amz-bucket-region"] ?? Region;
  const said = [...new Set([$metadata?.httpStatusCode, name, message])]
    .filter((each) => each !== undefined && each !== "" && each !== "Error")
    .join(" ");
  const what: Readonly<Record<typeof kind, string>> = {
    away: `the object store does not answer as it should, ${doing}`,
    expired: `the credentials have expired, ${doing}`,
    clock: `the clock of this machine or of the server is wrong, ${doing}`,
    "no bucket": `there is no such bucket, ${doing}`,
    elsewhere: region ? `the bucket is in ${region}, ${doing}` : `the bucket is in another region, ${doing}`,
    "no credentials": `no credentials were found, ${doing}`,
    "no region": `no region is named, ${doing}`,
    forbidden: `the object store forbids it, ${doing}`,
    other: `the object store refuses it, ${doing}`,
  };
  const answer = `${said.slice(0, 200)}${tries > 1 ? ` (${tries} tries)` : ""}`;
  return new AppError(codes[kind], { what: what[kind], answer }, { cause: error });
}
