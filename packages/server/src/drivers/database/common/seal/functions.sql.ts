import { type SealStrategy, tokenParameter, trustedParameter } from "./strategy.ts";

/**
 * What `opened` gives when `token` opens its environment, else NULL: the token is under its code, made for this database
 * and connection, and by `now` it hasn't expired, nor will it last longer than tokens do. NULL anywhere (a missing secret,
 * a missing token) comes to NULL. The codes are hashed once more under the secret before they are compared, so that the
 * time a comparison takes tells nothing about the right one. It is one expression, because after DISCARD ALL each one is
 * planned anew.
 */
const ifAccepted = (now: string, opened: string): string => `
    case when length(token) = 117 and starts_with(token, '1')
        and sha256(secret.outer_pad || sha256(secret.outer_pad || sha256(secret.inner_pad || convert_to(substr(token, 2, 52), 'UTF8'))))
          = sha256(secret.outer_pad || decode(substr(token, 54), 'hex'))
      then case when substr(token, 34, 10)::float8 > date_part('epoch', ${now})
          and substr(token, 34, 10)::float8 <= date_part('epoch', clock_timestamp()) + 61
          and substr(token, 44, 10)::bigint in (pg_backend_pid(), case when secret.pooled then 0 end)
        then ${opened} end end`;

/** Says why a token didn't. It ends in an error whatever it finds. */
const refusal = `
  if (length(token) = 117 and left(token, 1) = '1' and token !~ '[^0-9a-f]') is not true then
    raise exception using errcode = 'TN002', message = 'no tenant was entered: there is no token, or it is malformed';
  end if;
  if (length(secret.inner_pad) = 97 and length(secret.outer_pad) = 64) is not true then
    raise exception using errcode = 'TN002', message = 'no tenant was entered: the database has no secret';
  end if;
  if (${ifAccepted("'-infinity'::timestamptz", "true")}) is true then
    raise exception using errcode = 'TN002', message = 'no tenant was entered: the token has expired';
  end if;
  raise exception using errcode = 'TN002',
    message = 'no tenant was entered: the token is another database''s or connection''s, or is good for too long';`;

/** A login that was given out is one environment's for good: who it is says so, which no statement changes. */
const isLogin = "pg_catalog.starts_with(session_user::text, 'tnl_')";

const byLogin = `
  if ${isLogin} then
    select l.environment into own from tenantry.login l where l.role = session_user;
    if own is null then
      raise exception using errcode = 'TN002', message = 'this login has no environment any more';
    end if;
    return own;
  end if;`;

const secret = `
  select s.inner_pad, s.outer_pad, s.pooled, s.former_inner_pad, s.former_outer_pad, s.former_until
    into secret from tenantry.secret s;`;

/** For a while after the secret was replaced, tokens under the one before are as good. */
const formerSecret = `
  if secret.former_until > clock_timestamp() then
    former := secret;
    secret.inner_pad := former.former_inner_pad;
    secret.outer_pad := former.former_outer_pad;`;

const backToSecret = `
    secret.inner_pad := former.inner_pad;
    secret.outer_pad := former.outer_pad;
  end if;`;

const pinned = "security definer set search_path = pg_catalog, pg_temp";

const enter = (setting: string): string => {
  const tryToEnter = `
  entered := case when not ${isLogin} then${ifAccepted("clock_timestamp()", setting)} end;
  if entered is not null then
    return;
  end if;`;
  return `
declare
  secret record;
  former record;
  entered text;
begin${secret}${tryToEnter}
  if ${isLogin} then
    raise exception using errcode = 'TN002', message = 'this login has an environment of its own, and enters no other';
  end if;${formerSecret}${tryToEnter}${backToSecret}${refusal}
end`;
};

const environment = (): string => {
  // A transaction may last longer than a token: what counts is that it began in time.
  const tryToken = `
  own := ${ifAccepted("transaction_timestamp()", "substr(token, 2, 32)::uuid")};
  if own is not null then
    return own;
  end if;`;
  return `
declare
  secret record;
  former record;
  token text := current_setting('${tokenParameter}', true);
  own uuid;
begin${byLogin}${secret}${tryToken}${formerSecret}${tryToken}${backToSecret}${refusal}
end`;
};

/** What both functions are made of, by name: installed, and compared with what stands when the seal is verified. */
export function sealFunctionBodies(strategy: SealStrategy): Record<string, string> {
  if (strategy === "parameter") {
    return { enter: enter(`set_config('${trustedParameter}', substr(token, 2, 32), true)`) };
  }
  return {
    enter: enter(`set_config('${tokenParameter}', token, true)`),
    environment: environment(),
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
