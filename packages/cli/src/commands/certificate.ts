import type { CertificateAuthorityReply } from "@tenantry/contract";
import type { Command } from "commander";
import { contextOf, defineCommand, defineGroup, overApi } from "../command.ts";

/** `tenantry certificate …` */
export function certificateCommand(): Command {
  return defineGroup("certificate", "how tenants' hosts prove who they are over HTTPS", [authorityCommand()]);
}

function authorityCommand(): Command {
  const command = defineCommand("authority", {
    summary: "print the certificate of the installation's own authority, for browsers to trust",
    details:
      "It vouches for hosts below the root domain, and for no others: a tenant's own domain has an authority of its own.",
    examples: ["certificate authority", "certificate authority --domain www.acme.com"],
    calls: ["showCertificateAuthority"],
  }).option("--domain <hostname>", "the authority of this domain of a tenant's own");
  return overApi(command).action(async ({ domain: hostname }: { domain?: string }, self: Command) => {
    const { client, output } = await contextOf(self);
    const { body } = await client.call<CertificateAuthorityReply>("GET", "/v1/certificates/authority", {
      query: { hostname },
    });
    // The result ends its line by itself.
    output.result(body, ({ certificate }) => certificate.trimEnd());
  });
}
