import { costParameter, type SealStrategy, tokenParameter, trustedParameter } from "./strategy.ts";

/** How an expression names a token and what it is checked against. */
type Names = { token: string; secret: string };

const variables: Names = { token: "token", secret: "secret" };

const expiryOf = (token: string): string => `substr(${token}, 34, 10)::float8`;

/** It is good now, and not for longer than tokens are: what expires lies no more than 61 seconds ahead. */
const isGood = (token: string): string =>
  `abs(${expiryOf(token)} - date_part('epoch', clock_timestamp()) - 30.5) <= 30.5`;

/** It was good at that time, and isn't good for too long. */
const wasGood =
  (at: string) =>
  (token: string): string =>
    `${expiryOf(token)} > date_part('epoch', ${at}) and ${expiryOf(token)} <= date_part('epoch', clock_timestamp()) + 61`;

/**
 * What `opened` gives when `token` opens its environment, else NULL: the token is under its code, made for this database
 * and connection, it is `inTime`, and the environment isn't closed. NULL anywhere (a missing secret, a missing token) comes
 * to NULL. The codes are hashed once more before they are compared, so that the time a comparison takes tells nothing
 * about the right one. It is one expression, because after DISCARD ALL each one is planned anew; and of as few functions
 * as can be, because each one in it is looked up and its right checked each time.
 */
const ifAccepted = (
  inTime: (token: string) => string,
  opened: string,
  { token, secret } = variables,
): string => `
    case when ${token} like '1${"_".repeat(116)}'
        and sha256(sha256(${secret}.outer_pad || sha256(${secret}.inner_pad || convert_to(substr(${token}, 2, 52), 'UTF8'))))
          = sha256(decode(substr(${token}, 54), 'hex'))
      then case when ${inTime(token)}
          and substr(${token}, 44, 10)::int in (pg_backend_pid(), case when ${secret}.pooled then 0 end)
          and (${secret}.closed is null or substr(${token}, 2, 32) <> all (${secret}.closed))
        then ${opened} end end`;

/** Says why a token didn't. It ends in an error whatever it finds. */
const refusal = `
  if (length(token) = 117 and left(token, 1) = '1' and token !~ '[^0-9a-f]') is not true then
    raise exception using errcode = 'TN002', message = 'no tenant was entered: there is no token, or it is malformed';
  end if;
  if (length(secret.inner_pad) = 97 and length(secret.outer_pad) = 64) is not true then
    raise exception using errcode = 'TN002', message = 'no tenant was entered: the database has no secret';
  end if;
  if (${ifAccepted(wasGood("'-infinity'::timestamptz"), "true")}) is true then
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
  select s.inner_pad, s.outer_pad, s.pooled, s.former_inner_pad, s.former_outer_pad, s.former_until, s.closed
    into secret from tenantry.secret s;`;

/** Whoever hasn't heard yet that an environment moves, or has moved, writes nothing here any more. */
const unlessClosed = `
  if substr(token, 2, 32) = any (secret.closed) then
    raise exception using errcode = 'TN001', message = 'no tenant was entered: the environment is moving, or has moved';
  end if;`;

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

/** Sessions may have begun before the database said what conditions cost, or say otherwise. */
const priced = `set_config('${costParameter}', '0', true)`;

const opening: Record<SealStrategy, (token: string) => string> = {
  parameter: (token) => `${priced} || set_config('${trustedParameter}', substr(${token}, 2, 32), true)`,
  statement: (token) => `${priced} || set_config('${tokenParameter}', ${token}, true)`,
};

/**
 * PostgreSQL tries a statement's own condition before the policy, on everybody's rows, when its operators are leakproof and
 * it costs less than ten times `cpu_operator_cost`; a query within it is run then, or isn't, which everything tells. Nothing
 * costs less than nothing, so where that is 0 the policy always comes first. Immutable, so that it runs whenever a
 * statement is planned: a plan that stands can't have been made otherwise, whatever the session says later.
 */
const policiesComeFirst = `
begin
  if pg_catalog.current_setting('${costParameter}') operator(pg_catalog.<>) '0' then
    raise exception using errcode = '55000',
      message = '${costParameter} has to be 0 where tenants share tables',
      hint = 'Otherwise conditions would be tried on the rows of others. Leave it as it is: RESET ${costParameter}.';
  end if;
  return true;
end`;

/**
 * Checks its argument by turning it into an entry, and finds no secret to do it with otherwise. PERFORM may run in
 * parallel, where nothing can be set; SELECT INTO doesn't. No condition stands here that the check could hold: after
 * DISCARD ALL this is planned anew, and the check isn't.
 */
const enter = `
declare
  entered boolean;
begin
  select row(token, s.inner_pad, s.outer_pad, s.pooled, s.closed)::tenantry.claim::tenantry.entry is not null
    into entered from tenantry.secret s;
  if not found then
    perform tenantry.enter_or_refuse(token);
  end if;
end`;

/**
 * Whoever turns a token into an entry, with the secret beside it, has entered, or gets an error. What a domain checks stays
 * planned for as long as the connection lives, whatever DISCARD ALL throws away; a function would be planned anew for each
 * environment that a connection passes to. It takes the seal's owner's rights: anybody else's entry opens nothing.
 */
const entryCheck = (strategy: SealStrategy): string => {
  const names = { token: "(value).token", secret: "(value)" };
  const accepted = ifAccepted(isGood, `${opening[strategy](names.token)} is not null`, names);
  return `coalesce(case when not ${isLogin} then${accepted} end, tenantry.enter_or_refuse((value).token))`;
};

/** For tokens that the check doesn't take at once. */
const enterOrRefuse = (strategy: SealStrategy): string => {
  const tryToEnter = `
  entered := case when not ${isLogin} then${ifAccepted(isGood, opening[strategy]("token"))} end;
  if entered is not null then
    return true;
  end if;`;
  return `
declare
  secret record;
  former record;
  entered text;
begin${secret}${unlessClosed}${tryToEnter}
  if ${isLogin} then
    raise exception using errcode = 'TN002', message = 'this login has an environment of its own, and enters no other';
  end if;${formerSecret}${tryToEnter}${backToSecret}${refusal}
end`;
};

const environment = (): string => {
  // A transaction may last longer than a token: what counts is that it began in time.
  const tryToken = `
  own := ${ifAccepted(wasGood("transaction_timestamp()"), "substr(token, 2, 32)::uuid")};
  if own is not null then
    return own;
  end if;`;
  return `
declare
  secret record;
  former record;
  token text := current_setting('${tokenParameter}', true);
  own uuid;
begin${byLogin}${secret}${unlessClosed}${tryToken}${formerSecret}${tryToken}${backToSecret}${refusal}
end`;
};

/** What the functions are made of, by name: installed, and compared with what stands when the seal is verified. */
export function sealFunctionBodies(strategy: SealStrategy): Record<string, string> {
  const entering = {
    enter,
    enter_or_refuse: enterOrRefuse(strategy),
    policies_come_first: policiesComeFirst,
  };
  return strategy === "parameter" ? entering : { ...entering, environment: environment() };
}

/** Statements that make the functions, and the domain between them; they belong to whoever runs them. */
export function sealFunctions(strategy: SealStrategy): string {
  const bodies = sealFunctionBodies(strategy);
  const environment = bodies.environment
    ? `
    create or replace function tenantry.environment() returns uuid language plpgsql stable parallel safe ${pinned}
      as $function$${bodies.environment}$function$;`
    : "";
  return `
    create or replace function tenantry.policies_come_first() returns boolean language plpgsql immutable parallel safe
      as $function$${bodies.policies_come_first}$function$;
    create or replace function tenantry.enter_or_refuse(token text) returns boolean language plpgsql volatile parallel unsafe
      ${pinned} as $function$${bodies.enter_or_refuse}$function$;
    revoke all on function tenantry.enter_or_refuse(text) from public;
    do $$ begin
      if to_regtype('tenantry.entry') is null then
        create type tenantry.claim as (token text, inner_pad bytea, outer_pad bytea, pooled boolean, closed text[]);
        create domain tenantry.entry as tenantry.claim;
      elsif not exists (select from pg_attribute where attrelid = 'tenantry.claim'::regclass and attname = 'closed') then
        alter domain tenantry.entry drop constraint if exists proof;
        alter type tenantry.claim add attribute closed text[];
      end if;
    end $$;
    alter domain tenantry.entry drop constraint if exists proof;
    alter domain tenantry.entry add constraint proof check (${entryCheck(strategy)});
    create or replace function tenantry.enter(token text) returns void language plpgsql volatile parallel unsafe ${pinned}
      as $function$${bodies.enter}$function$;${environment}`;
}
