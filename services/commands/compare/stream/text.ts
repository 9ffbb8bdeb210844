// A replayed stream's report as tables for people. Pure.
import { duration, ratio } from "../../../../shared/health/views/figures.ts";
import { estimate, STANDING_HEAD, standingOf } from "../../../../shared/health/views/standing.ts";
import { learners } from "./contestants.ts";
import type { Group, Report } from "./report.ts";

export function textOf(report: Report): string {
  const { stream, pace, seconds, oldUsers, models } = report;
  const n = (count: number) => count.toLocaleString("en-US");
  const played = stream.events / pace.rate;
  return [
    `${stream.name}: ${n(stream.events)} events of ${n(stream.users)} users and ${n(stream.items)} items, at ` +
      `${n(pace.rate)} a second ${duration(played)}; replayed in ${duration(seconds)}, ` +
      `${(played / seconds).toPrecision(2)} times as fast`,
    STANDING_HEAD,
    ...report.parts.map((group) => standingOf(group, report.contestants, true)),
    ...section("How often the item was met before", report.byItem, report),
    ...section("Which item of the user it is", report.byUser, report),
    ...(oldUsers && oldUsers.under.length > 0
      ? [
          [
            `NDCG@100 of ${n(oldUsers.users)} users held out at the end of the first part, among the items of then:`,
            ...oldUsers.under.map(
              ({ name, ndcg, lost }) =>
                `  ${ratio(ndcg)}  lost ${estimate(lost)}  ${name === "frozen" ? "the model of then" : learners[name]}`,
            ),
          ].join("\n"),
        ]
      : []),
    models
      .map(({ title, published, refused, reasons }) =>
        [`${title}: ${published} published, ${refused} refused`, ...reasons.slice(-1)].join("; the last since "),
      )
      .join("\n"),
    "",
  ].join("\n\n");
}

function section(title: string, groups: readonly Group[], report: Report): string[] {
  const full = groups.filter(({ arrivals }) => arrivals > 0);
  return full.length > 0 ? [title, ...full.map((group) => standingOf(group, report.contestants, false))] : [];
}
