export type { DnsLookup, Looked } from "./driver.ts";
export { createDnsLookup } from "./resolver.ts";
