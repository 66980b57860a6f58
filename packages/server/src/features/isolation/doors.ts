import type { Db } from "../../infra/db/index.ts";
import type { Api } from "../../infra/http/index.ts";
import { showId } from "../../kernel/index.ts";
import { type Attempt, attemptsOf } from "./attempts.ts";
import { type GatewayGround, operatorRoutesOf, probes, type RuntimeGround } from "./probes/index.ts";
import type { Subjects } from "./subjects.ts";
import type { Visitor, Visitors } from "./visitors.ts";

export type DoorParts = {
  db: Db;
  /** This node's. */
  api: () => Api;
  /** Where this node finds a gateway. */
  gateway: GatewayGround["address"];
};

/** The attempts by the doors that people use: the API and the gateway. */
export function knock(parts: DoorParts, { pairs, sampled }: Subjects, visitors: Visitors): Attempt[] {
  const attempts: Attempt[] = [];
  for (const [index, { appId, a, b }] of pairs.entries()) {
    const [from, to] = [visitors.visitorOf(a), visitors.visitorOf(b)];
    const ask = (one: Visitor, other: Parameters<typeof askApi>[3]) =>
      askApi(parts, visitors, { appId, from: one }, other);
    attempts.push(...ask(from, to));
    for (const tenant of sampled) {
      if (tenant.appId !== appId || pairs.findIndex((pair) => pair.appId === appId) !== index) continue;
      attempts.push(...ask(from, { name: tenant.name, environment: showId("env", tenant.environmentId) }));
    }
    attempts.push(...passGateway(parts, from, to), ...passGateway(parts, to, from));
  }
  const [first] = pairs;
  if (!first) return attempts;
  const credentials = new Map([
    ["the application's key", visitors.keyOf(first.appId)],
    ["a session", visitors.visitorOf(first.a).session],
  ]);
  return [
    ...attempts,
    ...askAsOperator(parts, credentials, visitors.visitorOf(first.a), visitors.visitorOf(first.b)),
  ];
}

/** Of a tenant that serves people nothing is known but its environment's id. */
function askApi(
  { db, api }: DoorParts,
  visitors: Visitors,
  { appId, from }: { appId: string; from: Visitor },
  to: { name: string } & RuntimeGround["to"],
): Attempt[] {
  const appKey = visitors.keyOf(appId);
  const strangersKey = visitors.strangersKeyOf(appId);
  const ground = { api: api(), db, appId, appKey, strangersKey, from, to };
  const some = to.session === undefined ? probes.runtime.filter(({ harmless }) => harmless) : probes.runtime;
  return attemptsOf(some, ground, { from: from.name, to: to.name });
}

function passGateway({ gateway }: DoorParts, from: Visitor, to: Visitor): Attempt[] {
  const [host, otherHost] = [from.hostname, to.hostname];
  if (host === null || otherHost === null) return [];
  const ground = {
    address: gateway,
    from: { ...from, hostname: host },
    to: { ...to, hostname: otherHost },
  };
  return attemptsOf(probes.gateway, ground, { from: from.name, to: to.name });
}

function askAsOperator(
  { api }: DoorParts,
  credentials: ReadonlyMap<string, string>,
  from: Visitor,
  to: Visitor,
): Attempt[] {
  return operatorRoutesOf(api()).flatMap((route) => {
    const ground = { api: api(), route, credentials, to };
    const tried = `${route.method} ${route.url}: no key, ${[...credentials.keys()].join(", ")}`;
    return attemptsOf(probes.operatorRoutes, ground, { from: from.name, to: to.name, tried });
  });
}
