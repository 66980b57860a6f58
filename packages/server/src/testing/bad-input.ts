import { describe, expect, it } from "vitest";
import type { Api } from "../infra/http/index.ts";
import { asOperator } from "./api.ts";
import { type BadBody, badBodies, hostileTexts, type Shape } from "./bad-bodies.ts";

const headersOf = ({ headers = asOperator }: Pick<Route, "headers">) =>
  typeof headers === "function" ? headers() : headers;

type Route = {
  api: () => Api;
  method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** Who asks; the operator of `createTestApi` when left out. */
  headers?: Record<string, string> | (() => Record<string, string>);
  /** Reads what the route could change; it has to be the same after each refusal. */
  state: () => Promise<unknown>;
};

export type BadInput = Route & Shape & { url: string };

/**
 * Tries everything that can be wrong with a body: each field missing, of another type, too long, hostile, of 10 MB,
 * and a field that nobody knows. Each must be refused by one problem document that names the field, with nothing changed.
 */
export function describeBadInput(route: BadInput): void {
  describe(`${route.method} ${route.url} with bad input`, () => {
    it.each(badBodies(route).map((bad) => [`${bad.pointer} ${bad.what}`, bad] as const))(
      "refuses %s and changes nothing",
      async (_title, bad) => {
        expect(await complaintAbout(route, bad)).toBeUndefined();
      },
    );
  });
}

/** What is wrong with the way a route takes a bad body; undefined when it refuses it as it should. */
export async function complaintAbout(route: BadInput, bad: BadBody): Promise<string | undefined> {
  const { method, url } = route;
  const headers = { ...headersOf(route), "content-type": "application/json" };
  const before = JSON.stringify(await route.state());
  const reply = await route.api().inject({ method, url, headers, payload: bad.payload });
  const after = JSON.stringify(await route.state());
  if (after !== before) return `It changed something: ${before} became ${after}.`;
  const wrong = complaintAboutProblem(reply, bad.statuses);
  if (wrong !== undefined || reply.statusCode === 413) return wrong;
  const { errors = [] } = JSON.parse(reply.body) as { errors?: { pointer: string }[] };
  const names = errors.some(
    ({ pointer }) => pointer === bad.pointer || pointer.startsWith(`${bad.pointer}/`),
  );
  return names ? undefined : `It doesn't name ${bad.pointer}: ${reply.body.slice(0, 500)}`;
}

type Reply = { statusCode: number; headers: Record<string, unknown>; body: string };

function complaintAboutProblem(reply: Reply, statuses: readonly number[]): string | undefined {
  const { statusCode, headers, body } = reply;
  if (!statuses.includes(statusCode)) return `It answered ${statusCode}: ${body.slice(0, 500)}`;
  if (headers["content-type"] !== "application/problem+json") return `It sent ${headers["content-type"]}.`;
  if (body.length > 20_000) return `Its problem has ${body.length} characters.`;
  // JSON escapes control characters itself; what it leaves as it is must be harmless to look at.
  const shown = JSON.stringify(JSON.parse(body, (_key, value: unknown) => value));
  if (/[\p{Cf}\p{Cs}]/u.test(shown)) return `It echoes direction marks: ${body.slice(0, 500)}`;
  return undefined;
}

/** Tries hostile texts as a part of the path: each must be a plain refusal, never a failure of ours. */
export function describeBadPath(
  route: Route & { url: (part: string) => string; body?: Record<string, unknown> },
): void {
  const parts = { ...hostileTexts, traversal: "../../etc/passwd", "much text": "x".repeat(10_000) };
  describe(`${route.method} ${route.url("…")} with a bad path`, () => {
    it.each(Object.entries(parts))("refuses %s and changes nothing", async (_what, part) => {
      const before = await route.state();
      const reply = await route.api().inject({
        method: route.method,
        url: route.url(encodeURIComponent(part)),
        headers: headersOf(route),
        ...(route.body && { payload: route.body }),
      });
      expect(complaintAboutProblem(reply, [400, 404, 414, 422])).toBeUndefined();
      expect(await route.state()).toEqual(before);
    });
  });
}

/** Tries bad values of query parameters, each one twice in one query, and one that nobody knows. */
export function describeBadQuery(
  route: Pick<Route, "api" | "headers"> & {
    method?: Route["method"];
    url: string;
    /** Values that each parameter must refuse. */
    parameters: Readonly<Record<string, readonly string[]>>;
  },
): void {
  const queries = Object.entries(route.parameters).flatMap(([name, values]) => [
    ...values.map((value) => [name, `${name}=${encodeURIComponent(value)}`] as const),
    [name, `${name}=1&${name}=2`] as const,
    [name, `${name}=${encodeURIComponent(hostileTexts.NUL)}`] as const,
  ]);
  describe(`${route.method ?? "GET"} ${route.url} with a bad query`, () => {
    it.each([...queries, ["colour", "colour=red"] as const])("names ?%s in %s", async (name, query) => {
      const { method = "GET", url } = route;
      const reply = await route.api().inject({ method, url: `${url}?${query}`, headers: headersOf(route) });
      expect(complaintAboutProblem(reply, [422])).toBeUndefined();
      expect(reply.json()).toMatchObject({ errors: [{ pointer: `?${name}` }] });
    });
  });
}
