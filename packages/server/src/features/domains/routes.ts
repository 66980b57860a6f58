import { addDomainRequest, domainReply, lookedUpDomain, verifyDomainRequest } from "@tenantry/contract";
import { z } from "zod";
import {
  type Api,
  decodeCursor,
  pageOf,
  pageQuery,
  type RouteGroup,
  toPage,
} from "../../infra/http/index.ts";
import type { Domains } from "./domains.ts";

const tags = ["domains"];
const tenantParams = z.object({ tenant: z.string().max(200).describe("Its id (tnt_…) or its slug.") });
const params = tenantParams.extend({
  domain: z.string().max(300).describe("Its hostname, or its id (dom_…)."),
});

/** `/v1/tenants/{tenant}/domains`: hostnames of a tenant's own [EDGE-1, EDGE-2]. */
export function domainRoutes({ domains }: { domains: Domains }): RouteGroup {
  return (api) => {
    addReading(api, domains);
    addWriting(api, domains);
  };
}

function addReading(api: Api, domains: Domains): void {
  const config = { permission: "domains:read" } as const;
  api.get(
    "/v1/tenants/:tenant/domains",
    {
      config,
      schema: {
        operationId: "listDomains",
        summary: "List the domains that a tenant has of its own",
        tags,
        params: tenantParams,
        querystring: pageQuery,
        response: { 200: pageOf(domainReply) },
      },
    },
    async ({ params: { tenant }, query: { limit, cursor } }) => {
      const after = decodeCursor(cursor, z.tuple([z.string()]))?.[0];
      const found = await domains.list(tenant, { limit: limit + 1, after });
      return toPage(
        found,
        limit,
        (one) => [one.hostname],
        (one) => one,
      );
    },
  );
  api.get(
    "/v1/tenants/:tenant/domains/:domain",
    {
      // Whoever polls until a domain is active goes to it next.
      config: { ...config, settled: true },
      schema: {
        operationId: "showDomain",
        summary: "Show a tenant's domain, and which DNS records it lacks",
        tags,
        params,
        response: { 200: domainReply },
      },
    },
    async (request) => domains.show(request.params.tenant, request.params.domain),
  );
  api.get(
    "/v1/domains/:hostname",
    {
      config,
      schema: {
        operationId: "lookUpDomain",
        summary: "Look whether a hostname can be a tenant's, and who has it",
        description: "What can't be one is refused (`domain_refused`), as when it is added.",
        tags,
        params: z.object({ hostname: z.string().max(300) }),
        querystring: z.strictObject({
          verified: z
            .stringbool()
            .default(false)
            .describe("You would vouch for it: then public DNS needn't have it."),
        }),
        response: { 200: lookedUpDomain },
      },
    },
    async (request) => domains.lookUp(request.params.hostname, request.query),
  );
}

function addWriting(api: Api, domains: Domains): void {
  const config = { permission: "domains:write" } as const;
  api.post(
    "/v1/tenants/:tenant/domains",
    {
      config,
      schema: {
        operationId: "addDomain",
        summary: "Claim a hostname for a tenant",
        description:
          "It leads there as soon as one of its `records` stands in DNS, which is looked for by itself, or at once with `verified`.",
        tags,
        params: tenantParams,
        body: addDomainRequest,
        response: { 201: domainReply },
      },
    },
    async (request, reply) => {
      const domain = await domains.add(request.params.tenant, request.body);
      const location = `/v1/tenants/${domain.tenantId}/domains/${domain.hostname}`;
      return reply.code(201).header("location", location).send(domain);
    },
  );
  api.post(
    "/v1/tenants/:tenant/domains/:domain/verify",
    {
      config,
      schema: {
        operationId: "verifyDomain",
        summary: "Look at DNS for a tenant's domain now, or vouch for it",
        description: "Answers how the domain stands afterwards, proven or not.",
        tags,
        params,
        body: verifyDomainRequest.default({}),
        response: { 200: domainReply },
      },
    },
    async (request) => {
      const { tenant, domain } = request.params;
      return domains.verify(tenant, domain, request.body.verified === true);
    },
  );
  api.delete(
    "/v1/tenants/:tenant/domains/:domain",
    {
      config,
      schema: {
        operationId: "removeDomain",
        summary: "Take a domain from a tenant: it leads nowhere any more",
        tags,
        params,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await domains.remove(request.params.tenant, request.params.domain);
      return reply.code(204).send(null);
    },
  );
}
