import { collectDefaultMetrics, Registry } from "prom-client";

/** What `/metrics` shows. Metrics are made with prom-client and `registers: [metrics]`. */
export type Metrics = Registry;

/** A registry of its own per process role (nothing global), with Node's usual figures when `ofProcess` is set. */
export function createMetrics(options: { ofProcess: boolean }): Metrics {
  const registry = new Registry();
  if (options.ofProcess) collectDefaultMetrics({ register: registry });
  return registry;
}

export { Gauge, Histogram } from "prom-client";
