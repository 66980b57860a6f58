import { Histogram, type Metrics } from "../metrics/index.ts";
import { type Api, principalName } from "./types.ts";

/** One line in the log and one observation for each reply. Routes are named by pattern: ids would make endless labels. */
export function observeRequests(api: Api, metrics: Metrics): void {
  const durations = new Histogram({
    name: "tenantry_api_request_duration_seconds",
    help: "How long the API took to answer.",
    labelNames: ["method", "route", "status"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [metrics],
  });

  api.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "unknown";
    const status = reply.statusCode;
    durations.observe({ method: request.method, route, status: String(status) }, reply.elapsedTime / 1000);
    if (request.routeOptions.config.quiet && status < 500) return;
    request.log.info(
      {
        method: request.method,
        route,
        status,
        tookMs: Math.round(reply.elapsedTime * 10) / 10,
        address: request.ip,
        principal: request.principal && principalName(request.principal),
      },
      "http.request",
    );
  });
}
