// Below a reverse proxy's path the page is the same: what is asked for at /ops/tributary/events is /events, whether the
// proxy takes its own part off or not. Pure.

const fixed = ["/", "/events", "/status", "/metrics", "/live", "/ready"];
const ofModels = ["/api/history", "/api/models", "/api/models/diff", "/api/models/rollback"];

/**
 * Path, with its query, -> the path that a route has; one that ends like none of them stays. `pages` are paths of
 * files.
 */
export function placesOf(pages: Iterable<string>): (path: string) => string {
  const served = new Set([...fixed, ...ofModels, ...pages]);
  return (target) => {
    const [path] = target.split("?", 1) as [string];
    for (let at = 0; at >= 0; at = path.indexOf("/", at + 1)) {
      const place = path.slice(at);
      if (served.has(place) && !(place === "/" && ours.test(path))) return place + target.slice(path.length);
    }
    return target;
  };
}

/** A slash behind what is no page of ours to begin with. */
const ours = /\/(api|assets|events|status|metrics|live|ready)\b/;

/**
 * Where a browser belongs that asks for the page without the slash at its end, as it sees it itself; undefined where
 * that is not what it asks for.
 */
export function withSlash(target: string, accept: string | undefined): string | undefined {
  const [path, ...query] = target.split("?") as [string, ...string[]];
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (name === "" || name.includes(".") || ours.test(path) || !accept?.includes("text/html")) return undefined;
  return `./${name}/${query.length > 0 ? `?${query.join("?")}` : ""}`;
}
