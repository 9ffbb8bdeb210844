// What is asked of a bucket, one request each, so that a test can let any of them fail, come late or come twice. The
// port between store.ts, which decides what an answer means, and client.ts, which sends.

export interface Found {
  readonly bytes: Uint8Array;
  /** Of these very bytes: a condition of `put`. */
  readonly tag: string;
}

export interface Condition {
  /** The key is free, or holds what has this tag. */
  readonly only?: "absent" | { readonly tag: string };
  /** Kept beside the object: whose it is. */
  readonly mark?: string;
}

export interface Listed {
  readonly keys: readonly { readonly key: string; readonly modifiedAt: number }[];
  /** Where the next page begins; undefined on the last. */
  readonly next: string | undefined;
}

/** Each rejects with the server's error as the client gives it: refusals.ts reads it. */
export interface Bucket {
  get(key: string): Promise<Found>;
  /** Whole or not at all; large ones in parts. */
  put(key: string, bytes: Uint8Array, condition: Condition): Promise<void>;
  /** The mark that stands beside an object. */
  mark(key: string): Promise<string | undefined>;
  /** Fine with what is not there. */
  remove(key: string): Promise<void>;
  /** Keys that begin with `prefix` and have no slash behind it, a page of them. */
  list(prefix: string, from: string | undefined): Promise<Listed>;
  /** From here on with credentials that are read anew. */
  renew(): void;
}
