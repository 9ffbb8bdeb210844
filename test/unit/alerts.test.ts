// Alerts and dashboards name only metrics that some service exports, and each alert leads to a chapter of the runbook.
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { createMetrics, metricTable } from "../../shared/runtime/metrics.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly hint: string; readonly runbook_url: string };
}
interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}
const rules = (parse(read("infra/prometheus/alerts.yml")) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);
const panels = readdirSync(new URL("infra/grafana/dashboards/", root)).flatMap(
  (name) => (JSON.parse(read(`infra/grafana/dashboards/${name}`)) as Dashboard).panels,
);

/** Names as they are scraped: a histogram's are three. */
async function exported(): Promise<Set<string>> {
  const own = Object.entries(metricTable).flatMap(([name, { kind }]) =>
    kind === "histogram" ? ["_bucket", "_sum", "_count"].map((end) => name + end) : [name],
  );
  const ofNode = [...(await createMetrics("test").text()).matchAll(/^(tributary_\w+)\{/gm)].map(([, name]) => name!);
  return new Set([...own, ...ofNode]);
}
const namesIn = (expression: string) => expression.replaceAll(/"[^"]*"/g, '""').match(/\btributary_\w+/g) ?? [];

test("every expression asks for metrics that a service exports", async () => {
  const known = await exported();
  const asked = [
    ...rules.map(({ alert, expr }) => [alert, expr] as const),
    ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
  ];
  expect(asked.length).toBeGreaterThan(rules.length);
  for (const [where, expr] of asked)
    for (const name of namesIn(expr)) expect(known, `${where} asks for ${name}`).toContain(name);
});

test("every alert says what to do and leads to its chapter of the runbook", () => {
  const anchors = [...read("docs/operations/runbook.md").matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, "")
      .replaceAll(/\s/g, "-"),
  );
  expect(rules.length).toBeGreaterThan(9);
  for (const { alert, annotations } of rules) {
    expect(annotations.summary, alert).not.toBe("");
    expect(annotations.hint, alert).not.toBe("");
    const [file, anchor] = annotations.runbook_url.split("#");
    expect(file, alert).toBe("docs/operations/runbook.md");
    expect(anchors, alert).toContain(anchor);
  }
});

test("every alert is tried both ways: where it fires and where it stays silent", () => {
  const { tests } = parse(read("infra/prometheus/alerts.test.yml")) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
  };
  const cases = tests.flatMap((each) => each.alert_rule_test);
  for (const { alert } of rules)
    expect(
      cases
        .filter(({ alertname }) => alertname === alert)
        .map((each) => each.exp_alerts.length > 0)
        .sort(),
      alert,
    ).toEqual([false, true]);
});
