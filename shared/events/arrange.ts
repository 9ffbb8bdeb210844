// Batches put together, put in order and picked from, column by column: what compaction and erasure do to rows. No row
// is ever an object. Pure.
import type { EventBatch } from "./batch.ts";
import { Dictionary } from "./dictionary.ts";
import { bucketOfHash, hashBytes } from "./hash.ts";
import { compareWords, type Text, type Words } from "./text.ts";

/** Takes in batches one after the other, `capacity` rows at most, and answers them as one. */
export function gather(capacity: number) {
  const [users, items, sources] = [new Dictionary(), new Dictionary(), new Dictionary()];
  const [user, item, source] = [new Int32Array(capacity), new Int32Array(capacity), new Int32Array(capacity)];
  const [timestamp, value, offset] = [
    new Float64Array(capacity),
    new Float64Array(capacity),
    new Float64Array(capacity),
  ];
  const [bucket, partition] = [new Int32Array(capacity), new Int32Array(capacity)];
  let length = 0;
  return {
    add(batch: EventBatch): void {
      renumber(batch.user, batch.length, users, user.subarray(length));
      renumber(batch.item, batch.length, items, item.subarray(length));
      renumber(batch.source, batch.length, sources, source.subarray(length));
      for (const [to, from] of [
        [timestamp, batch.timestamp],
        [value, batch.value],
        [bucket, batch.bucket],
        [partition, batch.partition],
        [offset, batch.offset],
      ] as const)
        to.set(from.subarray(0, batch.length), length);
      length += batch.length;
    },
    batch: (): EventBatch => ({
      length,
      user: { words: wordsOf(users), numbers: user },
      item: { words: wordsOf(items), numbers: item },
      source: { words: wordsOf(sources), numbers: source },
      timestamp,
      value,
      bucket,
      partition,
      offset,
    }),
  };
}

const wordsOf = ({ size, data, offsets }: Dictionary): Words => ({ size, data, offsets });

/** The numbers of a column's rows in `dictionary`; words that no row has are not taken in. */
function renumber(
  { words: { size, data, offsets }, numbers }: Text,
  length: number,
  dictionary: Dictionary,
  to: Int32Array,
): void {
  const renumbered = new Int32Array(size).fill(-1);
  for (let k = 0; k < length; k++) {
    const number = numbers[k]!;
    if (renumbered[number]! < 0) renumbered[number] = dictionary.add(data, offsets[number]!, offsets[number + 1]!);
    to[k] = renumbered[number]!;
  }
}

/** Row numbers in order of bucket, bytes of the user's name, Kafka partition and offset. */
export function orderOf({ length, user: { words, numbers }, partition, offset }: EventBatch): Uint32Array {
  const rank = ranksOf(words);
  // counting sort by the user's rank: afterwards ends[r] is where the rows of rank r end
  const ends = new Uint32Array(words.size + 1);
  for (let k = 0; k < length; k++) ends[rank[numbers[k]!]! + 1]!++;
  for (let r = 1; r <= words.size; r++) ends[r]! += ends[r - 1]!;
  const rows = new Uint32Array(length);
  for (let k = 0; k < length; k++) rows[ends[rank[numbers[k]!]!]!++] = k;
  const compare = (a: number, b: number) => partition[a]! - partition[b]! || offset[a]! - offset[b]!;
  for (let r = 0, from = 0; r < words.size; from = ends[r++]!) {
    const own = rows.subarray(from, ends[r]);
    for (let k = 1; k < own.length; k++) {
      if (compare(own[k - 1]!, own[k]!) <= 0) continue;
      own.sort(compare);
      break;
    }
  }
  return rows;
}

/** Place of each user among all, by bucket and bytes: names are compared here, once a name, and never again. */
function ranksOf(words: Words): Uint32Array {
  const buckets = Uint8Array.from({ length: words.size }, (_, k) =>
    bucketOfHash(hashBytes(words.data, words.offsets[k]!, words.offsets[k + 1]!, 0)),
  );
  const sorted = Uint32Array.from({ length: words.size }, (_, k) => k).sort(
    (a, b) => buckets[a]! - buckets[b]! || compareWords(words, a, b),
  );
  const ranks = new Uint32Array(words.size);
  sorted.forEach((word, rank) => {
    ranks[word] = rank;
  });
  return ranks;
}

/** These rows alone, in this order, with no word that none of them has. */
export function rowsAt(batch: EventBatch, rows: Uint32Array): EventBatch {
  return {
    length: rows.length,
    user: textAt(batch.user, rows),
    item: textAt(batch.item, rows),
    source: textAt(batch.source, rows),
    timestamp: pick(batch.timestamp, rows, new Float64Array(rows.length)),
    value: pick(batch.value, rows, new Float64Array(rows.length)),
    bucket: pick(batch.bucket, rows, new Int32Array(rows.length)),
    partition: pick(batch.partition, rows, new Int32Array(rows.length)),
    offset: pick(batch.offset, rows, new Float64Array(rows.length)),
  };
}

function pick<T extends Int32Array | Float64Array>(from: T, rows: Uint32Array, to: T): T {
  for (let k = 0; k < rows.length; k++) to[k] = from[rows[k]!]!;
  return to;
}

function textAt({ words: { size, data, offsets }, numbers }: Text, rows: Uint32Array): Text {
  const places = new Int32Array(size).fill(-1);
  const used: number[] = [];
  const renumbered = new Int32Array(rows.length);
  for (let k = 0; k < rows.length; k++) {
    const number = numbers[rows[k]!]!;
    if (places[number]! < 0) places[number] = used.push(number) - 1;
    renumbered[k] = places[number]!;
  }
  const ends = new Int32Array(used.length + 1);
  for (const [k, number] of used.entries()) ends[k + 1] = ends[k]! + offsets[number + 1]! - offsets[number]!;
  const bytes = new Uint8Array(ends[used.length]!);
  for (const [k, number] of used.entries()) bytes.set(data.subarray(offsets[number], offsets[number + 1]), ends[k]);
  return { numbers: renumbered, words: { size: used.length, data: bytes, offsets: ends } };
}
