// The decoder within unbzip2-stream, which says nothing of its types.
declare module "unbzip2-stream/lib/bzip2.js" {
  type Bits = { (count: number): number; readonly bytesRead: number };
  const decoder: {
    /** Size of the member's blocks, in 100,000 bytes. */
    header(bits: Bits): number;
    /** Null at the end of a member, else the checksum so far. */
    decompress(
      bits: Bits,
      write: (byte: number) => void,
      buffer: Int32Array,
      size: number,
      checksum: number,
    ): number | null;
  };
  export default decoder;
}

declare module "unbzip2-stream/lib/bit_iterator.js" {
  export default function bitsOf(next: () => Uint8Array): { (count: number): number; readonly bytesRead: number };
}
