export type { DnsLookup, Looked } from "./lookup.ts";
export { createDnsLookup } from "./resolver.ts";
