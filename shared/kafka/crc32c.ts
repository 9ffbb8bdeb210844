// CRC-32C (Castagnoli), which Kafka's batches carry: eight bytes a step, from eight tables. Pure.

const POLYNOMIAL = 0x82f63b78;
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables();

export function crc32c(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = ~0;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    crc ^= view.getInt32(at, true);
    const next = view.getInt32(at + 4, true);
    crc =
      t7[crc & 0xff]! ^
      t6[(crc >>> 8) & 0xff]! ^
      t5[(crc >>> 16) & 0xff]! ^
      t4[crc >>> 24]! ^
      t3[next & 0xff]! ^
      t2[(next >>> 8) & 0xff]! ^
      t1[(next >>> 16) & 0xff]! ^
      t0[next >>> 24]!;
  }
  for (; at < bytes.length; at++) crc = t0[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** The nth says what a byte does n bytes later. */
function tables() {
  const made = Array.from({ length: 8 }, () => new Int32Array(256));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    made[0]![byte] = crc;
  }
  for (let n = 1; n < 8; n++)
    for (let byte = 0; byte < 256; byte++) {
      const before = made[n - 1]![byte]!;
      made[n]![byte] = made[0]![before & 0xff]! ^ (before >>> 8);
    }
  return made as [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array];
}
