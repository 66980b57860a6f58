import { setTimeout as delay } from "node:timers/promises";
import type { DomainReply } from "@tenantry/contract";
import { path } from "../../api/path.ts";
import type { Context } from "../../command.ts";
import { refusal } from "../../problem.ts";

const pauseMs = 1_000;

/** The domain once it leads to its tenant. Says why it doesn't each time that is another reason. */
export async function waitUntilActive(
  { client, output }: Context,
  domain: DomainReply,
  { timeout }: { timeout: number },
): Promise<DomainReply> {
  const address = path`/v1/tenants/${domain.tenantId}/domains/${domain.id}`;
  const endsAt = performance.now() + timeout * 1_000;
  let told: string | null = null;
  for (;;) {
    // Answered once the gateways know, too.
    const { body: shown } = await client.call<DomainReply>("GET", address);
    if (shown.status === "active") return shown;
    if (shown.reason !== told && shown.reason !== null) output.note(shown.reason);
    told = shown.reason;
    const leftMs = endsAt - performance.now();
    if (leftMs <= 0) {
      throw refusal("domain_not_active", `${domain.hostname} is ${shown.status} after ${timeout} seconds.`, {
        remedy: `${shown.reason ?? ""} It is looked for further; see \`tenantry domain show\`.`.trim(),
      });
    }
    await delay(Math.min(pauseMs, leftMs));
  }
}
