import { cpus, type } from "node:os";

/** The value below which a share of all values lies: 0.5 for the median. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

export function summarise(values: readonly number[]) {
  const round = (value: number) => Math.round(value * 10) / 10;
  return {
    count: values.length,
    p50: round(quantile(values, 0.5)),
    p95: round(quantile(values, 0.95)),
    max: round(Math.max(...values)),
  };
}

/** What was measured on: figures mean little without it. */
export function machine(): string {
  return `${cpus().length} cores (${cpus()[0]!.model.trim()}), ${type()}, Node.js ${process.versions.node}`;
}
