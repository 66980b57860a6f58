import { type SealStrategy, tokenParameter, trustedParameter } from "./strategy.ts";

/**
 * The lines of PL/pgSQL that turn `token` into `found`, or raise. Every comparison must be true, not merely not false:
 * with NULL somewhere (a missing secret, a missing token) the answer is NULL. The codes are hashed once more under the
 * secret before they are compared, so that the time a comparison takes tells nothing about the right one.
 */
const verification = (now: string): string => `
  if (length(token) = 117 and left(token, 1) = '1' and token !~ '[^0-9a-f]') is not true then
    raise exception using errcode = 'TN002', message = 'no tenant was entered: there is no token, or it is malformed';
  end if;
  select s.database_id, s.inner_pad, s.outer_pad, s.pooled into secret from tenantry.secret s;
  if (length(secret.inner_pad) = 64 and length(secret.outer_pad) = 64) is not true then
    raise exception using errcode = 'TN002', message = 'no tenant was entered: the database has no secret';
  end if;
  code := sha256(secret.outer_pad || sha256(secret.inner_pad || convert_to(
    '1' || translate(secret.database_id::text, '-', '') || substr(token, 2, 52), 'UTF8')));
  if (sha256(secret.outer_pad || code) = sha256(secret.outer_pad || decode(substr(token, 54), 'hex'))) is not true then
    raise exception using errcode = 'TN002', message = 'no tenant was entered: the token wasn''t made for this database';
  end if;
  expires := substr(token, 34, 10)::double precision;
  if (expires > extract(epoch from ${now}) and expires <= extract(epoch from clock_timestamp()) + 61) is not true then
    raise exception using errcode = 'TN002', message = 'no tenant was entered: the token has expired, or is good for too long';
  end if;
  backend := substr(token, 44, 10)::bigint;
  if (backend = pg_backend_pid() or backend = 0 and secret.pooled) is not true then
    raise exception using errcode = 'TN002', message = 'no tenant was entered: the token is another connection''s';
  end if;`;

const declarations = `
declare
  secret record;
  code bytea;
  expires double precision;
  backend bigint;`;

/** A login that was given out is one environment's for good: who it is says so, which no statement changes. */
const isLogin = "pg_catalog.starts_with(session_user::text, 'tnl_')";

const withoutToken = `
  if ${isLogin} then
    raise exception using errcode = 'TN002', message = 'this login has an environment of its own, and enters no other';
  end if;`;

const byLogin = `
  if ${isLogin} then
    select l.environment into own from tenantry.login l where l.role = session_user;
    if own is null then
      raise exception using errcode = 'TN002', message = 'this login has no environment any more';
    end if;
    return own;
  end if;`;

const pinned = "security definer set search_path = pg_catalog, pg_temp";

/** What both functions are made of, by name: installed, and compared with what stands when the seal is verified. */
export function sealFunctionBodies(strategy: SealStrategy): Record<string, string> {
  if (strategy === "parameter") {
    return {
      enter: `${declarations}
begin${withoutToken}${verification("clock_timestamp()")}
  perform set_config('${trustedParameter}',
    translate(substr(token, 2, 32)::uuid::text, '-', '_'), true);
end`,
    };
  }
  return {
    enter: `${declarations}
begin${withoutToken}${verification("clock_timestamp()")}
  perform set_config('${tokenParameter}', token, true);
end`,
    // A transaction may last longer than a token: what counts is that it began in time.
    environment: `${declarations}
  token text := current_setting('${tokenParameter}', true);
  own uuid;
begin${byLogin}${verification("transaction_timestamp()")}
  return substr(token, 2, 32)::uuid;
end`,
  };
}

/** Statements that make the functions; they belong to whoever runs them. */
export function sealFunctions(strategy: SealStrategy): string {
  const bodies = sealFunctionBodies(strategy);
  const environment = bodies.environment
    ? `
    create or replace function tenantry.environment() returns uuid language plpgsql stable parallel safe ${pinned}
      as $function$${bodies.environment}$function$;`
    : "";
  return `
    create or replace function tenantry.enter(token text) returns void language plpgsql volatile parallel unsafe ${pinned}
      as $function$${bodies.enter}$function$;${environment}`;
}
