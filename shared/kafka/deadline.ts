// Work that may take so long and no longer.

export const tooLong = new Error("Kafka has not answered");

export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLong), ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

const PATIENCE_MS = 2500;

/** For what is closed: whether it ends well, badly or not at all is nobody's business. */
export async function patiently(work: Promise<unknown>): Promise<void> {
  await within(PATIENCE_MS, work).catch(() => undefined);
}
