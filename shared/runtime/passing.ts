// What the operating system refuses now and may grant in a moment: no descriptor, no memory, no room. Whoever looks again and again waits for it, and goes on.
const passing = new Set(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "ENOSPC", "EDQUOT", "EIO", "ETIMEDOUT"]);

export function isPassing(error: unknown): boolean {
  return passing.has((error as NodeJS.ErrnoException | undefined)?.code ?? "");
}
