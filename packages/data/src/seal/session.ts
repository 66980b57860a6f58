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
  token: string;
  /** Under which key the token was made: another one may have taken its place. */
  tokenKey: string;
  /** By our clock, in milliseconds. */
  renewTokenAt: number;
};

export function newSession(backend: number, serverTimeMs: number): SealedSession {
  const clockAheadMs = serverTimeMs - Date.now();
  return { backend, clockAheadMs, environmentId: undefined, token: "", tokenKey: "", renewTokenAt: 0 };
}

/** As after DISCARD ALL. */
export function forgetSession(session: SealedSession, environmentId: string): void {
  session.environmentId = environmentId;
  session.token = "";
  session.renewTokenAt = 0;
}

/** A token serves many statements; half of its time is left for the way and for clocks that drift. */
export function tokenFor(session: SealedSession, seal: Seal): string {
  if (Date.now() < session.renewTokenAt && session.tokenKey === seal.key) return session.token;
  session.token = newToken(session, seal);
  session.tokenKey = seal.key;
  session.renewTokenAt = Date.now() + (sealTokenSeconds / 2) * 1_000;
  return session.token;
}

export function newToken(session: SealedSession, seal: Seal): string {
  return mintSealToken(Buffer.from(seal.key, "base64"), {
    databaseId: seal.databaseId,
    environmentId: seal.environmentId,
    expiresAt: Math.floor((Date.now() + session.clockAheadMs) / 1_000) + sealTokenSeconds,
    backend: seal.pooled ? 0 : session.backend,
  });
}
