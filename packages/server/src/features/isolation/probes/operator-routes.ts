import { breach, type Probe, refused } from "../../../drivers/probe.ts";
import type { Api, KnownRoute } from "../../../infra/http/index.ts";
import { encodeUuid, newId } from "../../../kernel/index.ts";
import { ask, type Method } from "./ask.ts";

/** A route for operators, asked about one canary by whoever isn't one. */
export type OperatorRouteGround = {
  api: Api;
  route: KnownRoute;
  /** What a tenant or its application has in hand, by what it is. */
  credentials: ReadonlyMap<string, string>;
  to: { slug: string; user: string };
};

/** Every route of the API that is for operators: a new one is among them from its first day. */
export function operatorRoutesOf(api: Api): KnownRoute[] {
  return api.knownRoutes.filter(
    ({ permission }) => permission !== "public" && !permission.startsWith("runtime:"),
  );
}

export const operatorRouteProbe: Probe<OperatorRouteGround> = {
  id: "api.operator-route",
  path: "api",
  title:
    "ask an operator's route about the neighbour: without a key, with the application's, with a session as key",
  remedy: "Stop the API and upgrade: the route lets in whoever isn't an operator.",
  async run({ api, route, credentials, to }) {
    const url = fill(route.url, to);
    const answers: string[] = [];
    for (const [what, key] of [["no key", undefined] as const, ...credentials]) {
      const { status } = await ask(api, { method: route.method as Method, url, key });
      if (status !== 401 && status !== 403) return breach(`With ${what} it answers ${status}.`);
      answers.push(`${what}: ${status}`);
    }
    return refused(answers.join(", "));
  },
};

function fill(url: string, to: { slug: string; user: string }): string {
  const parts: Record<string, string> = {
    tenant: to.slug,
    environment: "production",
    user: to.user,
    operation: `op_${encodeUuid(newId())}`,
  };
  return url.replace(/:(\w+)/g, (_whole, name: string) => parts[name] ?? "x");
}
