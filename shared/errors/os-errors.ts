// What the operating system refuses, as one of our errors: here, once, for every command and every thread. Before
// lifecycle.ts.
import { accessSync, constants, existsSync } from "node:fs";
import { dirname } from "node:path";
import { AppError, type ErrorCode } from "./errors.ts";

export interface SystemError extends Error {
  readonly code?: string;
  readonly syscall?: string;
  readonly path?: string;
  readonly port?: number;
}

const codes: Readonly<Record<string, ErrorCode>> = {
  ...{ ENOSPC: "DISK_FULL", EDQUOT: "DISK_FULL" },
  EROFS: "READ_ONLY",
  ...{ EMFILE: "TOO_MANY_FILES", ENFILE: "TOO_MANY_FILES" },
  ...{ EIO: "DISK_FAILED", ESTALE: "DISK_FAILED", EREMOTEIO: "DISK_FAILED" },
  ...{ ENOTSUP: "FILE_SYSTEM_UNFIT", EOPNOTSUPP: "FILE_SYSTEM_UNFIT", ENOSYS: "FILE_SYSTEM_UNFIT" },
  ...{ EMLINK: "FILE_SYSTEM_UNFIT", EXDEV: "FILE_SYSTEM_UNFIT", EFBIG: "FILE_SYSTEM_UNFIT" },
  EISDIR: "FILE_UNREADABLE",
  EADDRINUSE: "PORT_IN_USE",
  ERR_WORKER_OUT_OF_MEMORY: "MEMORY_EXHAUSTED",
};
/** Of a path: what stands in its place is not what was meant. Without one they may be a mistake of ours. */
const ofPaths: Readonly<Record<string, ErrorCode>> = {
  ENOENT: "FILE_MISSING",
  ...{ ENOTDIR: "FILE_UNREADABLE", EEXIST: "FILE_UNREADABLE", ENOTEMPTY: "FILE_UNREADABLE" },
  ...{
    ENAMETOOLONG: "FILE_UNREADABLE",
    ELOOP: "FILE_UNREADABLE",
    EINVAL: "FILE_UNREADABLE",
    EILSEQ: "FILE_UNREADABLE",
  },
  ...{ EBUSY: "FILE_UNREADABLE", ETXTBSY: "FILE_UNREADABLE", ENXIO: "FILE_UNREADABLE" },
  ...{ ENOTCONN: "DISK_FAILED", ETIMEDOUT: "DISK_FAILED", EHOSTDOWN: "DISK_FAILED" },
};

/** Undefined where the error is none of the operating system's that a user can do something about. */
export function systemError(error: SystemError): AppError | undefined {
  const { code = "", message, path, port = 0, syscall } = error;
  if (isUnmade(error))
    return new AppError("READ_ONLY", { what: `the folder ${path} cannot be made` }, { cause: error });
  const ours = codes[code] ?? (path === undefined ? undefined : ofPaths[code]) ?? refused(error);
  if (ours === "PORT_IN_USE") return new AppError(ours, { what: `port ${port} is taken` }, { cause: error });
  if (ours === "USAGE")
    return new AppError(ours, { what: `this user may not open port ${port}: give one above 1023` }, { cause: error });
  if (ours === undefined) return undefined;
  const where = path === undefined || message.includes(path) ? {} : { path };
  return new AppError(
    ours,
    { what: syscall?.startsWith("spawn") ? `${path} cannot be started: ${code}` : message, ...where },
    { cause: error },
  );
}

/**
 * On a read-only file system Node says of a folder that is made with its parents that it is not there, as if one of
 * those were missing.
 */
const isUnmade = ({ code, syscall, path }: SystemError): boolean =>
  code === "ENOENT" && syscall === "mkdir" && path !== undefined && existsSync(dirname(path));

/** Permissions. The system says neither of a file whether it was to be read or written. */
function refused({ code, syscall, path }: SystemError): ErrorCode | undefined {
  if (code !== "EACCES" && code !== "EPERM") return undefined;
  if (syscall === "listen" || syscall === "bind") return "USAGE";
  if (path === undefined) return "FILE_UNREADABLE";
  return syscall === "open"
    ? couldBeRead(path)
      ? "READ_ONLY"
      : "FILE_UNREADABLE"
    : changes.has(syscall ?? "")
      ? "READ_ONLY"
      : "FILE_UNREADABLE";
}

const changes = new Set(
  [
    "mkdir",
    "mkdtemp",
    "rename",
    "unlink",
    "rmdir",
    "rm",
    "link",
    "symlink",
    "chmod",
    "utime",
    "futime",
    "copyfile",
    "truncate",
    "access",
  ].flatMap((name) => [name, `f${name}`]),
);

/**
 * It is there and may be read, or is not there, in a folder that may be entered: then opening it was meant to write.
 */
const couldBeRead = (path: string): boolean =>
  may(path, constants.R_OK) || (may(dirname(path), constants.X_OK) && !existsSync(path));

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
/**
 * Refusals that pass by themselves or by somebody's help: no room, no descriptors, a disk that is away or read-only for
 * a while. Whoever runs on waits for their end.
 */
const passing: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(["DISK_FULL", "TOO_MANY_FILES", "DISK_FAILED", "READ_ONLY"] as const),
  ...(["STORE_AWAY", "STORE_LOGIN_EXPIRED"] as const),
]);

export const passes = ({ code }: AppError): boolean => passing.has(code);

/** The same of an error as the system gave it. */
export function isPassing(error: unknown): boolean {
  const refusal = error instanceof AppError ? error : systemError(error as SystemError);
  return refusal !== undefined && passes(refusal);
}
