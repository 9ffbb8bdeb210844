// What the process has taken until now, for the line with which it ends.

export function usage(): { readonly cpuSeconds: number; readonly peakBytes: number } {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakBytes: 1024 * maxRSS };
}
