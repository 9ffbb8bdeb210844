// A table and how far our own writing into it is, by txn: a commit goes from there, and is refused when another writer
// came between. And whose a partition is to write: a claim, TOPIC/PARTITION/writer, is a number that each new writer
// makes greater, so that all before it are refused from then on.
import type { EncodedFile } from "../../shared/storage/parquet.ts";
import type { DeltaTable, TxnDraft } from "../../shared/table/delta.ts";
import { writeFile } from "../../shared/table/files.ts";
import type { DataFile, Txn } from "../../shared/table/log.ts";

/** What one table gets of a buffer. */
export interface Part {
  readonly file?: EncodedFile | undefined;
  /** Where its txns are then, by appId. */
  readonly to: ReadonlyMap<string, number>;
  /** Txns that are no progress, and what they say then. */
  readonly says?: ReadonlyMap<string, number>;
  /** Txns that must still be where we last saw them. */
  readonly unmoved?: readonly string[];
  readonly newestArrival?: number;
  readonly marks?: readonly number[];
}

export interface Ledger {
  readonly table: DeltaTable;
  /** Where a txn is as far as we know; -1: nowhere. */
  at(appId: string): number;
  refresh(): Promise<void>;
  /** Claims that are not ours, as far as we know. */
  others(claims: readonly string[]): string[];
  /** These claims are not ours any more, whatever the table says. */
  disclaim(claims: readonly string[]): void;
  /** Makes those ours that are not, where these txns are unmoved. Throws WRITER_FENCED, with nothing done. */
  claim(claims: readonly string[], unmoved: readonly string[]): Promise<void>;
  /** Throws WRITER_FENCED, with nothing done. */
  commit(part: Part): Promise<DataFile | undefined>;
}

export function openLedger(table: DeltaTable): Ledger {
  let ours = new Map<string, number>();
  /** Our claims: nobody else ever has the same number. */
  const mine = new Map<string, number>();
  const at = (appId: string) => ours.get(appId) ?? -1;
  const others = (claims: readonly string[]) =>
    claims.filter((claim) => !mine.has(claim) || mine.get(claim) !== at(claim));

  async function commit(part: Part): Promise<DataFile | undefined> {
    const { file, to, says = new Map<string, number>(), unmoved = [], newestArrival = 0, marks = [] } = part;
    const written = file && (await writeFile(table.store, file));
    const txn: TxnDraft[] = [
      ...[...to].map(([appId, version]) => ({ appId, version, after: at(appId) })),
      ...[...says].map(([appId, version]) => ({ appId, version, after: at(appId), isFree: true })),
    ];
    const stands: Txn[] = unmoved.flatMap((appId) => (to.has(appId) ? [] : [{ appId, version: at(appId) }]));
    await table.commit({ add: written ? [written] : [], txn, stands, newestArrival, marks });
    for (const [appId, version] of [...to, ...says]) ours.set(appId, version);
    return written;
  }

  return {
    table,
    at,
    refresh: async () => {
      await table.refresh();
      ours = new Map(table.offsets);
    },
    others,
    disclaim: (claims) => {
      for (const claim of claims) mine.delete(claim);
    },
    claim: async (claims, unmoved) => {
      const wanted = others(claims);
      if (wanted.length === 0) return;
      const to = new Map(wanted.map((claim) => [claim, Math.max(0, at(claim)) + 1]));
      await commit({ to, unmoved });
      for (const [claim, version] of to) mine.set(claim, version);
    },
    commit,
  };
}
