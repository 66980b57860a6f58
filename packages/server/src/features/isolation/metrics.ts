import type { Db } from "../../infra/db/index.ts";
import { Gauge, type Metrics } from "../../infra/metrics/index.ts";
import { selectStanding } from "./reports.sql.ts";

/** Shows how the last verifications stand. Before the first, and without the registry, the figures are missing. */
export function observeIsolation(metrics: Metrics, db: Db): void {
  observe(
    "tenantry_isolation_breaches",
    "Attempts that got from one tenant to another, and weren't mended since.",
    {
      figure: ({ breaches }) => breaches,
    },
  );
  observe(
    "tenantry_isolation_failed",
    "Attempts that the newest verification should have made and couldn't.",
    {
      figure: ({ failed }) => failed,
    },
  );
  observe("tenantry_isolation_verified_timestamp_seconds", "When isolation was verified last.", {
    figure: ({ verifiedAt }) => verifiedAt.getTime() / 1_000,
  });

  function observe(
    name: string,
    help: string,
    { figure }: { figure: (standing: NonNullable<Awaited<ReturnType<typeof selectStanding>>>) => number },
  ): void {
    const gauge = new Gauge({
      name,
      help,
      registers: [metrics],
      async collect() {
        const standing = await selectStanding(db).catch(() => undefined);
        if (standing) this.set(figure(standing));
        else this.remove();
      },
    });
    gauge.remove();
  }
}
