// reference/metrics.md, from the table of metrics.
import { metricTable } from "../../shared/runtime/metrics.ts";
import { tableOf } from "./markdown.ts";

export const metricsPage = () => `# Metrics

\`\`\`text
$ curl -s http://127.0.0.1:8081/metrics | grep tributary_requests_total
tributary_requests_total{status="200",service="serve"} 42
\`\`\`

Every service answers \`/metrics\` in Prometheus' format, with the label \`service\` on each. A service exports those
that it feeds; beside them Node's own figures, with the prefix \`tributary_\`
(\`tributary_process_resident_memory_bytes\`, \`tributary_nodejs_eventloop_lag_seconds\`, ...). Units are seconds,
bytes and ratios. \`infra/prometheus\` says what to scrape, [alerts](../operations/runbook.md#alerts) what to look for.

${tableOf(
  ["name", "kind", "labels", "meaning"],
  Object.entries(metricTable).map(([name, { kind, labels, help }]) => [`\`${name}\``, kind, labels.join(", "), help]),
)}
`;
