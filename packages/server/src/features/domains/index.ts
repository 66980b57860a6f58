/** Domains of tenants' own, and how tenants' hosts prove who they are: for now by the installation's own authorities. */

export { selectAutomaticTls } from "./automatic-tls.sql.ts";
export { showAutomaticTls } from "./automatic-tls.ts";
export { certificateRoutes } from "./certificate-routes.ts";
export { createDomains, type Domains } from "./domains.ts";
export { isBelow } from "./hostname.ts";
export type { DomainParts } from "./parts.ts";
export { recheckDomains } from "./recheck.ts";
export { settleDomains } from "./routed.ts";
export { domainRoutes } from "./routes.ts";
export { passEveryMs } from "./schedule.ts";
