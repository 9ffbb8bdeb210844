// The last line of the tests, from vitest's JSON report. What could not even be loaded counts as failed.

/** @returns {{line: string, failed: number}} */
export function tally(report, exitCode) {
  const files = report?.testResults ?? [];
  const broken = files.filter(
    (file) => file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed"),
  ).length;
  const counted = (report?.numFailedTests ?? 0) + broken;
  const failed = counted === 0 && exitCode !== 0 ? 1 : counted; // an error outside of any test, or no report at all
  const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
  const line = `${report?.numPassedTests ?? 0} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
  return { line, failed };
}
