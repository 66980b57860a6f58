import type { DnsLookup } from "../../drivers/dns/index.ts";
import type { Db } from "../../infra/db/index.ts";
import type { Settings } from "../settings/index.ts";
import type { Showing } from "./domain-view.ts";
import type { Settling } from "./routed.ts";

export type DomainParts = Showing &
  Settling & {
    db: Db;
    settings: Settings;
    secrets: Showing["secrets"] & Settling["secrets"];
    dns: DnsLookup;
    /** Other names under which the installation itself answers. */
    ownNames: readonly string[];
    /** Whether DNS is asked at servers of the operator's own, which may have names of their own. */
    hasOwnDns: boolean;
  };
