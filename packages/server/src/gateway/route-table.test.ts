import { expect, test } from "vitest";
import type { Route } from "./route.ts";
import { createRouteTable, defaultSettings, type RouteChanges } from "./route-table.ts";

function route(hostname: string, version: number, tenantName = `version ${version}`): Route {
  return {
    hostname,
    version,
    tenantName,
    environmentId: "e",
    environmentName: "production",
    tenantId: "t",
    tenantSlug: "acme",
    appId: "a",
    upstreamId: "u",
    status: "active",
    statusReason: null,
    message: null,
    retryAfterSeconds: null,
    progress: null,
    redirectTo: null,
    expiresAt: null,
  };
}

function changes(since: number, version: number, more: Partial<RouteChanges> = {}): RouteChanges {
  return {
    ...{ since, version, routes: [], upstreams: [], tombstones: [] },
    settings: defaultSettings,
    ...more,
  };
}

function filled(version: number, routes: Route[]) {
  const table = createRouteTable();
  table.replace({
    version,
    routes: new Map(routes.map((row) => [row.hostname, row])),
    upstreams: new Map(),
    settings: defaultSettings,
  });
  return table;
}

test("an answer of an older version that comes late changes nothing", () => {
  const table = filled(5, [route("a", 5)]);
  expect(table.apply(changes(5, 7, { routes: [route("a", 7)] }))).toBe(true);
  expect(table.apply(changes(5, 6, { routes: [route("a", 6), route("b", 6)] }))).toBe(false);
  expect(table.apply(changes(5, 7, { tombstones: [{ key: "a", version: 7 }] }))).toBe(false);
  expect(table.find("a")?.tenantName).toBe("version 7");
  expect(table.find("b")).toBeUndefined();
  expect(table.version()).toBe(7);
});

test("an answer that begins beyond what is known would leave a gap, and changes nothing", () => {
  const table = filled(5, []);
  expect(table.apply(changes(6, 7, { routes: [route("a", 7)] }))).toBe(false);
  expect(table.version()).toBe(5);
});

test("a row read ahead of its version isn't put back by the same row read earlier", () => {
  const table = filled(5, [route("a", 9)]);
  table.apply(changes(5, 6, { routes: [route("a", 6)] }));
  expect(table.find("a")?.version).toBe(9);
});

test("a host that was deleted and made anew stays, in whichever order both were read", () => {
  const table = filled(5, [route("again", 5), route("gone", 5), route("same", 5)]);
  table.apply(
    changes(5, 8, {
      routes: [route("again", 8), route("same", 7)],
      tombstones: [
        { key: "again", version: 6 },
        { key: "gone", version: 6 },
        { key: "same", version: 7 },
      ],
    }),
  );
  expect(table.find("again")?.version).toBe(8);
  expect(table.find("same")?.version).toBe(7);
  expect(table.find("gone")).toBeUndefined();
});

test("a deleted upstream is told from a host of the same name", () => {
  const table = createRouteTable();
  const upstreams = new Map([["u", { id: "u", urls: [], version: 1 }]]);
  table.replace({
    version: 1,
    routes: new Map([["u", route("u", 1)]]),
    upstreams,
    settings: defaultSettings,
  });
  table.apply(changes(1, 2, { tombstones: [{ key: "upstream:u", version: 2 }] }));
  expect(table.upstream("u")).toBeUndefined();
  expect(table.find("u")).toBeDefined();
});
