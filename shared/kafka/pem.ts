// PEM as Java's clients take it: also on one line, as a .properties file makes it of several. Pure.

const block = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g;

export interface Pem {
  /** Certificates, one after the other; empty where there are none. */
  readonly certificates: string;
  /** The first private key. */
  readonly key: string | undefined;
}

export function parsePem(text: string): Pem {
  const found = [...text.matchAll(block)].map(([whole, kind, body]) => ({
    kind: kind!,
    text: wrapped(whole, kind!, body!),
  }));
  const of = (end: RegExp) => found.filter(({ kind }) => end.test(kind)).map((each) => each.text);
  return { certificates: of(/CERTIFICATE$/).join(""), key: of(/PRIVATE KEY$/)[0] };
}

/** A key with headers of its own (`Proc-Type: 4,ENCRYPTED`) is left as it is. */
function wrapped(whole: string, kind: string, body: string): string {
  if (body.includes(":")) return `${whole}\n`;
  const lines = body.replace(/\s+/g, "").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${kind}-----\n${lines.join("\n")}\n-----END ${kind}-----\n`;
}
