import type { Log } from "../infra/log/index.ts";
import type { ClientAddresses } from "./client-address.ts";
import type { Counters } from "./counters.ts";
import type { Identities } from "./identity.ts";
import type { GatewayLimits } from "./limits.ts";
import type { OpenExchanges } from "./open-exchanges.ts";
import type { RouteTable } from "./route-table.ts";
import type { UpstreamPools } from "./upstream/pools.ts";

/** What handling a request takes. */
export type GatewayParts = {
  readonly table: RouteTable;
  readonly pools: UpstreamPools;
  readonly identities: Identities;
  readonly addresses: ClientAddresses;
  readonly open: OpenExchanges;
  readonly counters: Counters;
  readonly limits: GatewayLimits;
  readonly log: Log;
  /** Whether whoever sends requests here had better look for another gateway. */
  readonly isDraining: () => boolean;
  /** True once the gateway drains: every answer then closes its connection. */
  closing: boolean;
};
