import type { Log } from "../../infra/log/index.ts";
import type { DomainParts } from "./parts.ts";
import { claimDueDomains } from "./verify.sql.ts";
import { lookAt } from "./verify.ts";

/** One whose servers are away takes as long as five seconds: it mustn't keep the others. */
const atOnce = 32;

/** Looks at DNS for every domain that is due. What fails is logged, and comes again two minutes later. */
export async function recheckDomains(
  parts: DomainParts,
  { log, signal }: { log: Log; signal: AbortSignal },
): Promise<void> {
  for (;;) {
    const due = signal.aborted ? [] : await claimDueDomains(parts.db, atOnce);
    if (due.length === 0) return;
    const looks = due.map((domain) =>
      lookAt(parts, domain, { isAsked: false }).catch((error: unknown) =>
        log.error({ hostname: domain.hostname, error }, "domain.check_failed"),
      ),
    );
    await Promise.all(looks);
  }
}
