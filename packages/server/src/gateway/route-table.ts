import type { GatewaySettings, Route, Tombstone, Upstream } from "./route.ts";

/** Everything, as it stood at `version` or a little later. */
export type RouteContent = {
  version: number;
  routes: Map<string, Route>;
  upstreams: Map<string, Upstream>;
  settings: GatewaySettings;
};

/** What changed after `since`, read at `version` or a little later. */
export type RouteChanges = {
  since: number;
  version: number;
  routes: Route[];
  upstreams: Upstream[];
  settings: GatewaySettings;
  tombstones: Tombstone[];
};

export type RouteTable = {
  find(hostname: string): Route | undefined;
  upstream(id: string): Upstream | undefined;
  settings(): GatewaySettings;
  content(): RouteContent;
  /** The version it stands at; -1 until it was filled for the first time. */
  version(): number;
  /** Applies changes in one go. False when they don't reach further than what is here: an older answer came late. */
  apply(changes: RouteChanges): boolean;
  /** Starts anew from `content`. */
  replace(content: RouteContent): void;
  /**
   * Calls `hear` after each change, until the returned function is called, with the hostnames that it touched;
   * undefined when that may be any.
   */
  onChange(hear: (hostnames: ReadonlySet<string> | undefined) => void): () => void;
};

const upstreamKeyPrefix = "upstream:";

/** Until the registry was heard, or where a snapshot on disk is from before there were any. */
export const defaultSettings: GatewaySettings = { automaticTls: true };

/** Hostnames and upstreams in memory: what a request is answered from. */
export function createRouteTable(): RouteTable {
  let content: RouteContent = {
    version: -1,
    routes: new Map(),
    upstreams: new Map(),
    settings: defaultSettings,
  };
  const listeners = new Set<(hostnames: ReadonlySet<string> | undefined) => void>();
  const changed = (hostnames?: ReadonlySet<string>): void => {
    for (const hear of listeners) hear(hostnames);
  };

  return {
    find: (hostname) => content.routes.get(hostname),
    upstream: (id) => content.upstreams.get(id),
    settings: () => content.settings,
    content: () => content,
    version: () => content.version,
    apply(changes) {
      if (changes.since > content.version || changes.version <= content.version) return false;
      for (const route of changes.routes) keepNewer(content.routes, route.hostname, route);
      for (const upstream of changes.upstreams) keepNewer(content.upstreams, upstream.id, upstream);
      for (const tombstone of changes.tombstones) bury(content, tombstone);
      content.settings = changes.settings;
      content.version = changes.version;
      const removed = changes.tombstones.map(({ key }) => key);
      changed(new Set([...changes.routes.map(({ hostname }) => hostname), ...removed]));
      return true;
    },
    replace(next) {
      content = next;
      changed();
    },
    onChange(hear) {
      listeners.add(hear);
      return () => listeners.delete(hear);
    },
  };
}

function keepNewer<Row extends { version: number }>(rows: Map<string, Row>, key: string, row: Row): void {
  const known = rows.get(key);
  if (known === undefined || known.version <= row.version) rows.set(key, row);
}

/** Forgets what was deleted, unless it was made anew since. */
function bury(content: RouteContent, { key, version }: Tombstone): void {
  const isUpstream = key.startsWith(upstreamKeyPrefix);
  const rows: Map<string, Route | Upstream> = isUpstream ? content.upstreams : content.routes;
  const id = isUpstream ? key.slice(upstreamKeyPrefix.length) : key;
  const known = rows.get(id);
  if (known !== undefined && known.version < version) rows.delete(id);
}
