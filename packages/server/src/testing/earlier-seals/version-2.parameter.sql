-- As version 2 of the seal made them.
create or replace function tenantry.enter(token text) returns void language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
      as $function$
declare
  secret record;
  code bytea;
  expires double precision;
  backend bigint;
begin
  if pg_catalog.starts_with(session_user::text, 'tnl_') then
    raise exception using errcode = 'TN002', message = 'this login has an environment of its own, and enters no other';
  end if;
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
  if (expires > extract(epoch from clock_timestamp()) and expires <= extract(epoch from clock_timestamp()) + 61) is not true then
    raise exception using errcode = 'TN002', message = 'no tenant was entered: the token has expired, or is good for too long';
  end if;
  backend := substr(token, 44, 10)::bigint;
  if (backend = pg_backend_pid() or backend = 0 and secret.pooled) is not true then
    raise exception using errcode = 'TN002', message = 'no tenant was entered: the token is another connection''s';
  end if;
  perform set_config('backtrace_functions',
    translate(substr(token, 2, 32)::uuid::text, '-', '_'), true);
end$function$;
