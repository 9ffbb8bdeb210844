// The store of a place: a folder of this machine, or a prefix of a bucket. The only one to choose.
import { bucketOf, isInStore } from "../runtime/location.ts";
import type { Bucket } from "./s3/bucket.ts";
import { openBucket } from "./s3/client.ts";
import { s3Store } from "./s3/store.ts";
import type { Counts } from "./s3/tries.ts";
import { folderStore, type Store, type SwappingStore } from "./store.ts";

/** Of all object stores of this process: their figures. */
const requests: Counts = { requests: 0, again: 0 };
/** Their connections are shared, and whether they are fit is asked once. */
const buckets = new Map<string, Bucket>();

export const openStore = (place: string): Store => (isInStore(place) ? openPrefix(place) : folderStore(place));

/** Of a place in an object store. */
export function openPrefix(place: string): SwappingStore {
  const { bucket: name, prefix } = bucketOf(place);
  const bucket = buckets.get(name) ?? openBucket(name);
  buckets.set(name, bucket);
  return s3Store({ name: place, prefix }, bucket, requests);
}
