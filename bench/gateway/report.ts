import { cpus } from "node:os";
import type { Measured } from "./load.ts";

export type Row = { proxy: string; load: string; measured: Measured[] };

/** Medians over the rounds, and ours against each of the others. */
export function report(rows: readonly Row[], asJson: boolean): void {
  const figures = rows.map(({ proxy, load, measured }) => ({
    proxy,
    load,
    requestsPerSecond: Math.round(median(measured.map((one) => one.requestsPerSecond))),
    requestsPerCpuSecond: Math.round(median(measured.map((one) => one.requestsPerCpuSecond))),
    p50Ms: round(median(measured.map((one) => one.p50Ms))),
    p99Ms: round(median(measured.map((one) => one.p99Ms))),
    errors: measured.reduce((sum, one) => sum + one.errors, 0),
  }));
  const ratios = figures
    .filter(({ proxy }) => proxy !== "tenantry")
    .map(({ proxy, load, requestsPerCpuSecond }) => {
      const ours = figures.find((one) => one.proxy === "tenantry" && one.load === load)!;
      return { load, against: proxy, perCpuSecond: round(ours.requestsPerCpuSecond / requestsPerCpuSecond) };
    });
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
  const text = asJson
    ? JSON.stringify({ date: new Date().toISOString(), machine, figures, ratios }, undefined, 2)
    : asText(figures, ratios);
  process.stdout.write(`${text}\n`);
}

function asText(figures: readonly object[], ratios: readonly object[]): string {
  return `${table(figures)}\n\n${table(ratios)}`;
}

function table(rows: readonly object[]): string {
  const names = Object.keys(rows[0] ?? {});
  const cells = [names, ...rows.map((row) => Object.values(row).map(String))];
  const widths = names.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)));
  return cells.map((line) => line.map((cell, at) => cell.padEnd(widths[at]!)).join("  ")).join("\n");
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
