import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { nowhere } from "./bag.ts";
import { createOpenExchanges } from "./open-exchanges.ts";
import type { Route, RouteStatus } from "./route.ts";
import { createRouteTable, defaultSettings } from "./route-table.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const exampleRoute: Omit<Route, "status" | "version"> = {
  hostname: "a",
  tenantName: "A",
  environmentId: "e",
  environmentName: "production",
  tenantId: "t",
  tenantSlug: "a",
  appId: "a",
  upstreamId: "u",
  statusReason: null,
  message: null,
  retryAfterSeconds: null,
  progress: null,
  redirectTo: null,
  expiresAt: null,
};

test("the grace of an answer ends with the suspension, and begins anew with the next one", () => {
  const table = createRouteTable();
  const open = createOpenExchanges({ table, graceMs: 1_000 });
  let version = 0;
  const become = (status: RouteStatus): Route => {
    version += 1;
    const route = { ...exampleRoute, status, version };
    const some = { upstreams: [], tombstones: [], settings: defaultSettings };
    table.apply({ since: version - 1, version, routes: [route], ...some });
    return route;
  };
  table.replace({ version, routes: new Map(), upstreams: new Map(), settings: defaultSettings });
  const ended: string[] = [];
  open.add({
    route: become("active"),
    isEndless: false,
    place: nowhere,
    end: ({ code }) => ended.push(code),
  });
  become("suspended");
  vi.advanceTimersByTime(900);
  become("active");
  vi.advanceTimersByTime(50);
  become("suspended");
  vi.advanceTimersByTime(950);
  become("maintenance");
  expect(ended).toEqual([]);
  vi.advanceTimersByTime(50);
  expect(ended).toEqual(["tenant_maintenance"]);
  open.close();
});
