import { setTimeout as delay } from "node:timers/promises";
import { operationStatuses } from "@tenantry/contract";
import type { Db } from "../../infra/db/index.ts";
import { Gauge, type Metrics } from "../../infra/metrics/index.ts";
import { hasEnded } from "../../infra/workflow/index.ts";
import { countOperations, type OperationCounts } from "./amiss.sql.ts";

const open = operationStatuses.filter((status) => !hasEnded(status));

/** Whoever collects waits some seconds for all figures: a registry that doesn't answer must not cost them the others. */
const mostWaitMs = 5_000;

/** Shows how operations stand, as the registry has it at that moment. Without the registry the figures are missing. */
export function observeOperations(metrics: Metrics, db: Db): void {
  const registers = [metrics];
  let counted: Promise<OperationCounts | undefined> | undefined;
  // The three are collected together: one look serves them.
  const count = () => {
    counted ??= Promise.race([countOperations(db), delay(mostWaitMs, undefined, { ref: false })])
      .catch(() => undefined)
      .finally(() => {
        counted = undefined;
      });
    return counted;
  };
  new Gauge({
    name: "tenantry_operations",
    help: "Operations that haven't come to an end, by status.",
    labelNames: ["status"],
    registers,
    async collect() {
      const counts = await count();
      this.reset();
      if (!counts) return;
      for (const status of open) {
        this.set({ status }, counts.open.find((row) => row.status === status)?.count ?? 0);
      }
    },
  });
  observe("tenantry_operations_stuck", "Operations in which nothing has happened for too long.", "stuck");
  observe(
    "tenantry_operations_failed_last_day",
    "Operations that failed within the last day.",
    "failedLately",
  );

  function observe(name: string, help: string, key: "stuck" | "failedLately"): void {
    // A gauge without labels starts at 0, which would be a lie while the registry is away.
    const gauge = new Gauge({
      name,
      help,
      registers,
      async collect() {
        const counts = await count();
        if (counts) this.set(counts[key]);
        else this.remove();
      },
    });
    gauge.remove();
  }
}
