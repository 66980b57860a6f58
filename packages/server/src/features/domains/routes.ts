import { X509Certificate } from "node:crypto";
import { certificateAuthorityReply } from "@tenantry/contract";
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
          response: { 200: certificateAuthorityReply },
        },
      },
      async () => {
        const certificate = await publicAuthority(db, rootDomain);
        if (certificate === undefined) {
          throw failure("not_found", {
            detail: "There is none yet: the first gateway that starts makes it.",
          });
        }
        const { fingerprint256, validTo } = new X509Certificate(certificate);
        const expiresAt = new Date(validTo).toISOString();
        return { rootDomain, certificate, fingerprint: fingerprint256, expiresAt };
      },
    );
  };
}
