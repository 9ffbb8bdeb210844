// A schema registry as Confluent's REST interface has it. Says of each schema whether it is there, is not, or nobody
// can know now.
import { AppError } from "../../errors/errors.ts";
import type { SchemaText } from "./text.ts";

export interface Registry {
  /** For people: without credentials. */
  readonly url: string;
  /** Null where the registry knows no such id. Throws REGISTRY_AWAY, which passes, and REGISTRY_REFUSED. */
  schemaOf(id: number, signal?: AbortSignal): Promise<SchemaText | null>;
}

interface Answer {
  readonly schema?: unknown;
  readonly schemaType?: unknown;
  readonly references?: unknown;
  readonly error_code?: unknown;
}
interface Reference {
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

const PATIENCE_MS = 10_000;
const MOST_BYTES = 4 << 20;
const MOST_REFERENCES = 200;
/** Of the registry: no schema of this id; no subject; no version. Another 404 is another server's. */
const UNKNOWN = [40403, 40401, 40402];

/** `auth`: user:password, or nothing. */
export function openRegistry(url: string, auth: string | undefined): Registry {
  const base = url.replace(/\/+$/, "");
  const headers: Record<string, string> = { accept: "application/vnd.schemaregistry.v1+json, application/json" };
  if (auth !== undefined) headers.authorization = `Basic ${Buffer.from(auth).toString("base64")}`;
  const away = (what: string, cause?: unknown) => new AppError("REGISTRY_AWAY", { what, url: base }, { cause });

  async function get(path: string, signal?: AbortSignal): Promise<Answer | null> {
    let response: Response;
    let text: string;
    try {
      const limit = AbortSignal.timeout(PATIENCE_MS);
      response = await fetch(base + path, { headers, signal: signal ? AbortSignal.any([limit, signal]) : limit });
      text = await bounded(response);
    } catch (error) {
      throw away(`the schema registry does not answer (${reasonOf(error)})`, error);
    }
    if (response.status === 401 || response.status === 403)
      throw new AppError("REGISTRY_REFUSED", { what: `the schema registry answers ${response.status}`, url: base });
    const answer = answerIn(text);
    if (response.ok && typeof answer?.schema === "string") return answer;
    if (response.status === 404 && UNKNOWN.includes(answer?.error_code as number)) return null;
    throw away(`what answers there is no schema registry, or an ill one: ${response.status} to ${path}`);
  }

  /** What an answer refers to, and what that does, each once and before whoever needs it. */
  async function referencesOf(answer: Answer, signal: AbortSignal | undefined, seen = new Map<string, string>()) {
    for (const { name, subject, version } of (answer.references ?? []) as Reference[]) {
      if (seen.has(name)) continue;
      if (seen.size >= MOST_REFERENCES) throw away(`more than ${MOST_REFERENCES} references`);
      seen.set(name, "");
      const found = await get(`/subjects/${encodeURIComponent(subject)}/versions/${version}`, signal);
      if (!found) throw away(`it refers to version ${version} of ${subject}, which is not there`);
      await referencesOf(found, signal, seen);
      seen.delete(name); // behind those that it needs
      seen.set(name, found.schema as string);
    }
    return [...seen].map(([name, text]) => ({ name, text }));
  }

  return {
    url: base,
    schemaOf: async (id, signal) => {
      const answer = await get(`/schemas/ids/${id}`, signal);
      if (!answer) return null;
      const type = answer.schemaType ?? "AVRO";
      if (type !== "AVRO" && type !== "PROTOBUF" && type !== "JSON")
        throw away(`the schema ${id} is of the type ${type}`);
      return { type, text: answer.schema as string, references: await referencesOf(answer, signal) };
    },
  };
}

function answerIn(text: string): Answer | undefined {
  try {
    return Object(JSON.parse(text)) as Answer;
  } catch {
    return undefined;
  }
}

async function bounded({ body }: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += piece.length;
    if (bytes > MOST_BYTES) throw new Error(`an answer of more than ${MOST_BYTES >> 20} MiB`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function reasonOf(error: unknown): string {
  const { cause, message, name } = error as {
    cause?: { code?: string; message?: string };
    message: string;
    name: string;
  };
  return (
    cause?.code ?? (name === "TimeoutError" ? `nothing within ${PATIENCE_MS / 1000} s` : (cause?.message ?? message))
  );
}
