import { setTimeout as pause } from "node:timers/promises";
import type { AppReply, OperationReply } from "@tenantry/contract";
import { fresh } from "./fresh.ts";
import type { Installation } from "./installation.ts";

/** Numbers between 0 and 1 that come again with the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type Turmoil = {
  /** Calls of all kinds, four at a time, until `signal` ends it or nobody answers any more. */
  rage(signal: AbortSignal): Promise<void>;
  /** Every call that was answered, as `METHOD path: status`. */
  readonly done: string[];
};

const levels = ["shared", "schema", "database", "sqlite"] as const;
const atOnce = 4;
const mostTenants = 8;

/**
 * What operators do in a busy hour, in any order: tenants of the application are made, cloned, moved, deleted, suspended,
 * closed for maintenance; logins are given out and taken back; where there is a `release`, which answers the body of the next
 * one, releases bring migrations. Answers that refuse are as good as others; an answer of 500 isn't.
 */
export function createTurmoil(
  { api }: Installation,
  { app, seed, release }: { app: string; seed: number; release: (() => object) | undefined },
): Turmoil {
  const random = randomFrom(seed);
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
  const done: string[] = [];

  async function call(method: string, path: string, body?: object): Promise<void> {
    const reply = await api.call(method, path, body);
    done.push(`${method} ${path}: ${reply.status}`);
    if (reply.status === 500) throw new TurmoilFailed(`${method} ${path}: ${JSON.stringify(reply.body)}`);
  }

  async function slugs(): Promise<string[]> {
    const { body } = await api.call<{ items: { slug: string; app: string }[] }>(
      "GET",
      "/v1/tenants?limit=100",
    );
    return body.items.filter((tenant) => tenant.app === app).map(({ slug }) => slug);
  }

  const make = () => {
    const slug = fresh("any");
    return call("POST", "/v1/tenants", { slug, name: slug, app, isolation: { database: pick(levels) } });
  };

  const toOne: ((at: string) => Promise<void>)[] = [
    (at) => call("DELETE", `${at}?now=true`),
    (at) => call("DELETE", `${at}?now=true`),
    (at) => call("POST", `${at}/suspend`, { reason: "turmoil" }),
    (at) => call("POST", `${at}/resume`),
    (at) => call("POST", `${at}/resume`),
    (at) => call("PUT", `${at}/environments/production/maintenance`, {}),
    (at) => call("DELETE", `${at}/environments/production/maintenance`),
    (at) => call("PUT", `${at}/environments/production/credentials`),
    (at) => call("POST", `${at}/environments/production/credentials/rotate`, {}),
    (at) => call("DELETE", `${at}/environments/production/credentials`),
    (at) => call("PATCH", at, { name: fresh("named") }),
    (at) => call("POST", `${at}/environments/production/move`, { isolation: { database: pick(levels) } }),
    (at) => {
      const slug = fresh("copy");
      return call("POST", `${at}/clone`, { slug, name: slug, isolation: { database: pick(levels) } });
    },
  ];

  async function act(): Promise<void> {
    const standing = await slugs();
    const die = random();
    if (release && die < 0.06) return call("POST", `/v1/apps/${app}/releases`, release());
    if (die < 0.08) return call("POST", `/v1/apps/${app}/database-secrets/rotate`);
    if (standing.length < 3 || (die < 0.4 && standing.length < mostTenants)) return make();
    return pick(toOne)(`/v1/tenants/${pick(standing)}`);
  }

  async function actor(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await act();
      } catch (error) {
        if (error instanceof TurmoilFailed) throw error;
        // Nobody answers: it was killed, which is what this is for.
        if (signal.aborted) return;
        await pause(20);
      }
    }
  }

  return {
    done,
    async rage(signal) {
      await Promise.all(Array.from({ length: atOnce }, () => actor(signal)));
    },
  };
}

class TurmoilFailed extends Error {}

/** The application, ready for tenants. */
export async function createApplication({ api }: Installation, slug: string, first: object): Promise<void> {
  const made = await api.call<AppReply & { operationId: string }>("POST", "/v1/apps", { slug, ...first });
  const { status }: OperationReply = await api.ended(made.body.operationId);
  if (status !== "succeeded") throw new Error(`The application ${slug} wasn't made: ${status}.`);
}
