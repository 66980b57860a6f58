import { X509Certificate } from "node:crypto";
import { domainToASCII } from "node:url";
import { certificateAuthorityReply } from "@tenantry/contract";
import { z } from "zod";
import { publicAuthority } from "../../drivers/certificates/index.ts";
import type { Db } from "../../infra/db/index.ts";
import type { RouteGroup } from "../../infra/http/index.ts";
import { failure } from "../../kernel/index.ts";

/** `/v1/certificates/…`: public halves only. */
export function certificateRoutes({ db, rootDomain }: { db: Db; rootDomain: string }): RouteGroup {
  return (api) => {
    api.get(
      "/v1/certificates/authority",
      {
        config: { permission: "settings:read" },
        schema: {
          operationId: "showCertificateAuthority",
          summary: "Show the authority that vouches for tenants' hosts over HTTPS",
          tags: ["certificates"],
          querystring: z.strictObject({
            hostname: z
              .string()
              .min(1)
              .max(300)
              .optional()
              .describe(
                "A tenant's own domain, which has an authority of its own; the root domain's when left out.",
              ),
          }),
          response: { 200: certificateAuthorityReply },
        },
      },
      async ({ query }) => {
        const name = query.hostname === undefined ? rootDomain : domainToASCII(query.hostname);
        const certificate = await publicAuthority(db, name);
        if (certificate === undefined) {
          throw failure("not_found", {
            detail:
              name === rootDomain
                ? "There is none yet: the first gateway that starts makes it."
                : "There is none for this name: it is no tenant's own domain, or isn't verified.",
          });
        }
        const { fingerprint256, validTo } = new X509Certificate(certificate);
        const expiresAt = new Date(validTo).toISOString();
        return { rootDomain: name, certificate, fingerprint: fingerprint256, expiresAt };
      },
    );
  };
}
