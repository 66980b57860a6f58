import { credentialsReply, rotateCredentialsRequest } from "@tenantry/contract";
import { z } from "zod";
import {
  type Api,
  goneSignal,
  principalName,
  principalOf,
  type Reply,
  type Request,
  type RouteGroup,
  replyWithOperation,
} from "../../infra/http/index.ts";
import { failure, showId } from "../../kernel/index.ts";
import type { Operations } from "../operations/index.ts";
import type { Credentials } from "./credentials.ts";

const tags = ["tenants"];
const path = "/v1/tenants/:tenant/environments/:environment/credentials";
const params = z.object({
  tenant: z.string().max(200).describe("Its id (tnt_…) or its slug."),
  environment: z.string().max(63).describe("Its name, such as production."),
});
const waitMs = 55_000;

type RouteParts = { credentials: Credentials; operations: Pick<Operations, "waitForEnd"> };

/** `/v1/tenants/{tenant}/environments/{environment}/credentials`: a database login for programs of any kind [APP-2]. */
export function credentialRoutes(parts: RouteParts): RouteGroup {
  return (api) => {
    addReading(api, parts);
    addWriting(api, parts);
  };
}

function addReading(api: Api, { credentials }: RouteParts): void {
  api.get(
    path,
    {
      config: { permission: "credentials:read" },
      schema: {
        operationId: "showCredentials",
        summary: "Show an environment's database login, with its password",
        tags,
        params,
        response: { 200: credentialsReply },
      },
    },
    async (request) => credentials.show(request.params),
  );
}

function addWriting(api: Api, parts: RouteParts): void {
  const { credentials } = parts;
  const config = { permission: "credentials:write" } as const;
  api.put(
    path,
    {
      config,
      schema: {
        operationId: "ensureCredentials",
        summary: "Give an environment a database login for programs of any kind, unless it has one",
        description:
          "Waits until the login works. It reaches this environment alone, and reads and writes rows.",
        tags,
        params,
        response: { 200: credentialsReply },
      },
    },
    async (request, reply) => {
      const operation = await credentials.ensure(request.params, principalName(principalOf(request)));
      if (operation !== undefined) await ended(parts, request, reply, operation);
      return credentials.show(request.params);
    },
  );
  api.post(
    `${path}/rotate`,
    {
      config,
      schema: {
        operationId: "rotateCredentials",
        summary: "Give an environment another database login, and end the one before",
        description:
          "Waits until the new login works. The one before ends at once, with its connections, or when `overlapSeconds` are over.",
        tags,
        params,
        body: rotateCredentialsRequest.default({ overlapSeconds: 0 }),
        response: { 200: credentialsReply },
      },
    },
    async (request, reply) => {
      const { overlapSeconds } = request.body;
      const principal = principalName(principalOf(request));
      const operation = await credentials.rotate(request.params, overlapSeconds, principal);
      await ended(parts, request, reply, operation!);
      return credentials.show(request.params);
    },
  );
  api.delete(
    path,
    {
      config,
      schema: {
        operationId: "revokeCredentials",
        summary: "End an environment's database logins, and their connections",
        tags,
        params,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const operation = await credentials.revoke(request.params, principalName(principalOf(request)));
      if (operation !== undefined) await ended(parts, request, reply, operation);
      return reply.code(204).send(null);
    },
  );
}

/** Throws what the operation failed with; `busy` when it isn't through in time. */
async function ended(
  { operations }: RouteParts,
  request: Request,
  reply: Reply,
  operationId: string,
): Promise<void> {
  const waitForEnd: RouteParts["operations"]["waitForEnd"] = (...given) => operations.waitForEnd(...given);
  const operation = await waitForEnd(showId("op", operationId), waitMs, goneSignal(reply));
  await replyWithOperation(request, reply, { operation, waitForEnd });
  reply.removeHeader("location").code(200);
  if (operation.status === "succeeded") return;
  throw failure("busy", {
    detail: "The database server takes long. The work goes on.",
    extra: { operationId: operation.id },
    retryAfterSeconds: 10,
  });
}
