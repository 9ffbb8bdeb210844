// Amazon's client, and all that is asked of it: one request, sent once, with a time it may take. It is loaded with the
// first request: 20 MB and a third of a second that processes without an object store do not pay.
//
// Endpoint, region and credentials are by the usual variables and files: AWS_ENDPOINT_URL(_S3), AWS_REGION, a profile,
// a container's or a machine's role, web identity. AWS_VIRTUAL_HOSTED_STYLE_REQUEST is delta-rs's word for how a bucket
// stands in an address: at an endpoint of one's own in the path, at Amazon's in the host.
import type { S3Client } from "@aws-sdk/client-s3";
import type { Bucket } from "./bucket.ts";

/** Until an answer begins. */
const ANSWER_MS = 10_000;
/** The slowest line that is waited for. */
const BYTES_A_MS = 250;
/** Bytes of a part, and of an object from which on there are parts. */
const usualParts = { size: 16 << 20, from: 64 << 20 };
const PARTS_TOGETHER = 4;

type Headers = { IfNoneMatch?: string; IfMatch?: string };

function sdk() {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true"; // which Node it is, nobody here can change
  return import("@aws-sdk/client-s3");
}

function settingsFor(bucket: string, env: NodeJS.ProcessEnv) {
  const endpoint = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL;
  const region = env.AWS_REGION || env.AWS_DEFAULT_REGION || (endpoint ? "us-east-1" : undefined);
  const hosted = env.AWS_VIRTUAL_HOSTED_STYLE_REQUEST;
  const isAmazons = !endpoint || /\.amazonaws\.com(\.cn)?\/?$/.test(endpoint);
  return {
    ...(endpoint && { endpoint }),
    ...(region && { region }),
    // a name with dots is under no certificate
    forcePathStyle: hosted ? hosted !== "true" : !isAmazons || bucket.includes("."),
    maxAttempts: 1, // tries.ts tries again
    requestHandler: { connectionTimeout: 5_000, socketTimeout: ANSWER_MS },
  };
}

export function openBucket(name: string, env: NodeJS.ProcessEnv = process.env, parts = usualParts): Bucket {
  let opened: Promise<S3Client> | undefined;
  const client = () => {
    opened ??= sdk().then(({ S3Client }) => new S3Client(settingsFor(name, env)));
    return opened;
  };
  const object = (key: string) => ({ Bucket: name, Key: key });

  async function putInParts(key: string, bytes: Uint8Array, condition: Headers, mark?: string) {
    const { CreateMultipartUploadCommand, UploadPartCommand, CompleteMultipartUploadCommand } = await sdk();
    const { AbortMultipartUploadCommand } = await sdk();
    const s3 = await client();
    const metadata = mark === undefined ? {} : { Metadata: { mark } };
    const { UploadId } = await within(0, (abortSignal) =>
      s3.send(new CreateMultipartUploadCommand({ ...object(key), ...metadata }), { abortSignal }),
    );
    const count = Math.ceil(bytes.length / parts.size);
    const sent: { PartNumber: number; ETag: string | undefined }[] = [];
    const send = async (PartNumber: number) => {
      const Body = bytes.subarray((PartNumber - 1) * parts.size, PartNumber * parts.size);
      const { ETag } = await within(Body.length, (abortSignal) =>
        s3.send(new UploadPartCommand({ ...object(key), UploadId, PartNumber, Body }), { abortSignal }),
      );
      sent[PartNumber - 1] = { PartNumber, ETag };
    };
    try {
      for (let first = 1; first <= count; first += PARTS_TOGETHER)
        await Promise.all(
          Array.from({ length: Math.min(PARTS_TOGETHER, count + 1 - first) }, (_, k) => send(first + k)),
        );
      const complete = { ...object(key), UploadId, MultipartUpload: { Parts: sent }, ...condition };
      await within(bytes.length, (abortSignal) =>
        s3.send(new CompleteMultipartUploadCommand(complete), { abortSignal }),
      );
    } catch (error) {
      await within(0, (abortSignal) =>
        s3.send(new AbortMultipartUploadCommand({ ...object(key), UploadId }), { abortSignal }),
      ).catch(() => undefined); // the bucket's rule for unfinished uploads ends it
      throw error;
    }
  }

  return {
    get: async (key) => {
      const { GetObjectCommand } = await sdk();
      const s3 = await client();
      return within(0, async (abortSignal, longer) => {
        const {
          Body,
          ContentLength = 0,
          ETag = "",
        } = await s3.send(new GetObjectCommand(object(key)), { abortSignal });
        longer(ContentLength);
        const bytes = await Body!.transformToByteArray();
        if (bytes.length !== ContentLength) throw new Error(`${bytes.length} of ${ContentLength} bytes came`);
        return { bytes, tag: ETag };
      });
    },
    put: async (key, bytes, { only, mark }) => {
      const condition: Headers = !only ? {} : only === "absent" ? { IfNoneMatch: "*" } : { IfMatch: only.tag };
      if (bytes.length >= parts.from) return putInParts(key, bytes, condition, mark);
      const { PutObjectCommand } = await sdk();
      const s3 = await client();
      const metadata = mark === undefined ? {} : { Metadata: { mark } };
      await within(bytes.length, (abortSignal) =>
        s3.send(new PutObjectCommand({ ...object(key), Body: bytes, ...condition, ...metadata }), { abortSignal }),
      );
    },
    mark: async (key) => {
      const { HeadObjectCommand } = await sdk();
      const s3 = await client();
      const { Metadata } = await within(0, (abortSignal) =>
        s3.send(new HeadObjectCommand(object(key)), { abortSignal }),
      );
      return Metadata?.mark;
    },
    remove: async (key) => {
      const { DeleteObjectCommand } = await sdk();
      const s3 = await client();
      await within(0, (abortSignal) => s3.send(new DeleteObjectCommand(object(key)), { abortSignal }));
    },
    list: async (prefix, from) => {
      const { ListObjectsV2Command } = await sdk();
      const s3 = await client();
      const wanted = { Bucket: name, Prefix: prefix, Delimiter: "/", ContinuationToken: from };
      const page = await within(0, (abortSignal) => s3.send(new ListObjectsV2Command(wanted), { abortSignal }));
      return {
        keys: (page.Contents ?? []).map(({ Key, LastModified }) => ({
          key: Key!,
          modifiedAt: LastModified!.getTime(),
        })),
        next: page.IsTruncated ? page.NextContinuationToken : undefined,
      };
    },
    renew: () => {
      void opened?.then((s3) => s3.destroy());
      opened = undefined;
    },
  };
}

/** A time for the answer and one for the bytes that go, or turn out to come. */
async function within<T>(
  bytes: number,
  work: (signal: AbortSignal, longer: (bytes: number) => void) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const limit = (more: number) => setTimeout(() => controller.abort(), ANSWER_MS + more / BYTES_A_MS);
  let timer = limit(bytes);
  try {
    return await work(controller.signal, (more) => {
      clearTimeout(timer);
      timer = limit(more);
    });
  } finally {
    clearTimeout(timer);
  }
}
