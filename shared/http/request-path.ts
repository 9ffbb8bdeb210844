// The path of a request as routes know it: RFC 3986 calls two spellings of one path the same. Pure. http.ts rewrites
// every request with it.

/**
 * Letters that a path may hold as they are: written as %XX they mean the same. Not among them: / ? # %, which would
 * then mean something else.
 */
const plain = /^[A-Za-z0-9\-._~!$&'()*+,;=:@]$/;
const absolute = /^https?:\/\/[^/?#]*/i;

/**
 * Of a request's target: its path and query, decoded once where that changes nothing; a proxy's `http://host/path` is
 * the path.
 */
export function plainPath(target: string): string {
  const local = target.replace(absolute, "");
  const [path] = local.split(/[?#]/, 1) as [string];
  const decoded = path.replaceAll(/%[0-9a-f]{2}/gi, (code) => {
    const letter = String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return plain.test(letter) ? letter : code;
  });
  return `${decoded.startsWith("/") || decoded === "*" ? "" : "/"}${decoded}${local.slice(path.length)}`;
}
