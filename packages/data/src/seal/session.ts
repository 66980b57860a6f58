import { mintSealToken, sealTokenSeconds } from "./token.ts";

/** What it takes to enter an environment of a database that many share. */
export type Seal = {
  /** UUIDs both. */
  databaseId: string;
  environmentId: string;
  /** 32 bytes in base64: the secret of this application's processes and that database. */
  key: string;
  /** A pooler stands between, so that tokens can't name a backend. */
  pooled: boolean;
};

/** What one backend of a shared database remembers. */
export type SealedSession = {
  readonly backend: number;
  /** How far the server's clock is ahead of ours, in milliseconds. */
  readonly clockAheadMs: number;
  /** Whose statements have run since the session was last reset. */
  environmentId: string | undefined;
  /** Tokens of environments that were here, the newest at the end: each is good for this backend alone. */
  readonly tokens: Map<string, { token: string; key: string; renewAt: number }>;
};

export function newSession(backend: number, serverTimeMs: number): SealedSession {
  const clockAheadMs = serverTimeMs - Date.now();
  return { backend, clockAheadMs, environmentId: undefined, tokens: new Map() };
}

/** Beyond, a token is made anew: most tenants come back to a connection of their own. */
const mostTokens = 20;

/** A token serves many statements; half of its time is left for the way and for clocks that drift. */
export function tokenFor(session: SealedSession, seal: Seal): string {
  const { tokens } = session;
  const { environmentId, key } = seal;
  const known = tokens.get(environmentId);
  if (known && Date.now() < known.renewAt && known.key === key) return known.token;
  tokens.delete(environmentId);
  if (tokens.size >= mostTokens) tokens.delete(tokens.keys().next().value!);
  const token = mintSealToken(Buffer.from(key, "base64"), {
    databaseId: seal.databaseId,
    environmentId,
    expiresAt: Math.floor((Date.now() + session.clockAheadMs) / 1_000) + sealTokenSeconds,
    backend: seal.pooled ? 0 : session.backend,
  });
  tokens.set(environmentId, { token, key, renewAt: Date.now() + (sealTokenSeconds / 2) * 1_000 });
  return token;
}
