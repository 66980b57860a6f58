import type { FastifyRequest } from "fastify";
import { failure } from "../../kernel/index.ts";
import type { Metrics } from "../metrics/index.ts";
import type { Api } from "./types.ts";

/** Throws (or rejects) while the thing isn't ready; its message is public. */
export type ReadinessCheck = { name: string; check: (signal: AbortSignal) => Promise<void> };

const checkTimeoutMs = 2_000;

/** What watches the process asks: `/healthz` (it lives), `/readyz` (send it work), `/metrics`, and our public keys. */
export function addPlatformRoutes(
  api: Api,
  options: {
    checks: readonly ReadinessCheck[];
    metrics: Metrics;
    version: string;
    isDraining: () => boolean;
    publicKeys?: () => Promise<{ keys: object[] }>;
  },
): void {
  const open = { schema: { hide: true }, config: { permission: "public", quiet: true } } as const;

  api.get("/healthz", open, async () => ({ status: "ok", version: options.version }));

  api.get("/readyz", open, async (request: FastifyRequest) => {
    if (options.isDraining()) throw failure("unavailable", { detail: "This node is shutting down." });
    const failed = (await Promise.all(options.checks.map(run))).filter((result) => result !== undefined);
    if (failed.length > 0) {
      request.log.warn({ failed }, "http.not_ready");
      const names = failed.map(({ name }) => name);
      throw failure("unavailable", { detail: `Not ready: ${names.join(", ")}.`, extra: { failed: names } });
    }
    return { status: "ready", checks: options.checks.map(({ name }) => name) };
  });

  api.get("/metrics", open, async (_request: FastifyRequest, reply) =>
    reply.type(options.metrics.contentType).send(await options.metrics.metrics()),
  );

  if (options.publicKeys) {
    const { publicKeys } = options;
    api.get("/.well-known/jwks.json", open, async (_request: FastifyRequest, reply) => {
      reply.header("cache-control", "public, max-age=60");
      return publicKeys();
    });
  }
}

async function run({ name, check }: ReadinessCheck): Promise<{ name: string; reason: string } | undefined> {
  const signal = AbortSignal.timeout(checkTimeoutMs);
  const late = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("It took too long.")), { once: true });
  });
  try {
    await Promise.race([check(signal), late]);
    return undefined;
  } catch (error) {
    return { name, reason: (error as Error).message };
  }
}
