// What the dashboard answers beside what every service does. docs/reference/http.md is made from it, and a test
// compares it with the routes that are there.
export const pageRoutes = {
  "GET /": "the page; its scripts and styles below `/assets/`",
  "GET /events": "server-sent events: `history` at once, then an `update` each second",
  "GET /api/history": "the same as `history`, once, as JSON",
  "GET /api/models": "what is published, which version is current or pinned, and whether a token may roll back",
  "GET /api/models/diff": "`?a=VERSION&b=VERSION`: what changed from one to another, tensor by tensor",
  "POST /api/models/rollback":
    '`{"version": "v000007"}` with `authorization: Bearer TOKEN` of the role `operator`: that version is current ' +
    "again, and pinned",
} as const;
