-- As version 7 of the seal made them.
create or replace function tenantry.enter_or_refuse(token text) returns boolean language plpgsql volatile parallel unsafe
      security definer set search_path = pg_catalog, pg_temp as $function$
declare
  secret record;
  former record;
  entered text;
begin
  select s.inner_pad, s.outer_pad, s.pooled, s.former_inner_pad, s.former_outer_pad, s.former_until, s.closed
    into secret from tenantry.secret s;
  if substr(token, 2, 32) = any (secret.closed) then
    raise exception using errcode = 'TN001', message = 'no tenant was entered: the environment is moving, or has moved';
  end if;
  entered := case when not pg_catalog.starts_with(session_user::text, 'tnl_') then
    case when length(token) = 117 and starts_with(token, '1')
        and sha256(secret.outer_pad || sha256(secret.outer_pad || sha256(secret.inner_pad || convert_to(substr(token, 2, 52), 'UTF8'))))
          = sha256(secret.outer_pad || decode(substr(token, 54), 'hex'))
      then case when substr(token, 34, 10)::float8 > date_part('epoch', clock_timestamp())
          and substr(token, 34, 10)::float8 <= date_part('epoch', clock_timestamp()) + 61
          and substr(token, 44, 10)::bigint in (pg_backend_pid(), case when secret.pooled then 0 end)
        then set_config('backtrace_functions', substr(token, 2, 32), true) end end end;
  if entered is not null then
    return true;
  end if;
  if pg_catalog.starts_with(session_user::text, 'tnl_') then
    raise exception using errcode = 'TN002', message = 'this login has an environment of its own, and enters no other';
  end if;
  if secret.former_until > clock_timestamp() then
    former := secret;
    secret.inner_pad := former.former_inner_pad;
    secret.outer_pad := former.former_outer_pad;
  entered := case when not pg_catalog.starts_with(session_user::text, 'tnl_') then
    case when length(token) = 117 and starts_with(token, '1')
        and sha256(secret.outer_pad || sha256(secret.outer_pad || sha256(secret.inner_pad || convert_to(substr(token, 2, 52), 'UTF8'))))
          = sha256(secret.outer_pad || decode(substr(token, 54), 'hex'))
      then case when substr(token, 34, 10)::float8 > date_part('epoch', clock_timestamp())
          and substr(token, 34, 10)::float8 <= date_part('epoch', clock_timestamp()) + 61
          and substr(token, 44, 10)::bigint in (pg_backend_pid(), case when secret.pooled then 0 end)
        then set_config('backtrace_functions', substr(token, 2, 32), true) end end end;
  if entered is not null then
    return true;
  end if;
    secret.inner_pad := former.inner_pad;
    secret.outer_pad := former.outer_pad;
  end if;
  if (length(token) = 117 and left(token, 1) = '1' and token !~ '[^0-9a-f]') is not true then
    raise exception using errcode = 'TN002', message = 'no tenant was entered: there is no token, or it is malformed';
  end if;
  if (length(secret.inner_pad) = 97 and length(secret.outer_pad) = 64) is not true then
    raise exception using errcode = 'TN002', message = 'no tenant was entered: the database has no secret';
  end if;
  if (
    case when length(token) = 117 and starts_with(token, '1')
        and sha256(secret.outer_pad || sha256(secret.outer_pad || sha256(secret.inner_pad || convert_to(substr(token, 2, 52), 'UTF8'))))
          = sha256(secret.outer_pad || decode(substr(token, 54), 'hex'))
      then case when substr(token, 34, 10)::float8 > date_part('epoch', '-infinity'::timestamptz)
          and substr(token, 34, 10)::float8 <= date_part('epoch', clock_timestamp()) + 61
          and substr(token, 44, 10)::bigint in (pg_backend_pid(), case when secret.pooled then 0 end)
        then true end end) is true then
    raise exception using errcode = 'TN002', message = 'no tenant was entered: the token has expired';
  end if;
  raise exception using errcode = 'TN002',
    message = 'no tenant was entered: the token is another database''s or connection''s, or is good for too long';
end$function$;
    revoke all on function tenantry.enter_or_refuse(text) from public;
    alter domain tenantry.entry drop constraint proof;
    alter type tenantry.claim drop attribute closed;
    alter domain tenantry.entry add constraint proof check (coalesce(case when not pg_catalog.starts_with(session_user::text, 'tnl_') then
    case when length((value).token) = 117 and starts_with((value).token, '1')
        and sha256((value).outer_pad || sha256((value).outer_pad || sha256((value).inner_pad || convert_to(substr((value).token, 2, 52), 'UTF8'))))
          = sha256((value).outer_pad || decode(substr((value).token, 54), 'hex'))
      then case when substr((value).token, 34, 10)::float8 > date_part('epoch', clock_timestamp())
          and substr((value).token, 34, 10)::float8 <= date_part('epoch', clock_timestamp()) + 61
          and substr((value).token, 44, 10)::bigint in (pg_backend_pid(), case when (value).pooled then 0 end)
        then set_config('backtrace_functions', substr((value).token, 2, 32), true) is not null end end end, tenantry.enter_or_refuse((value).token)));
    create or replace function tenantry.enter(token text) returns void language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
      as $function$
declare
  entered boolean;
begin
  select row(token, s.inner_pad, s.outer_pad, s.pooled)::tenantry.claim::tenantry.entry is not null
    into entered from tenantry.secret s where s.closed is null or substr(token, 2, 32) <> all (s.closed);
  if entered is null then
    perform tenantry.enter_or_refuse(token);
  end if;
end$function$;
comment on schema tenantry is 'Tenantry seal, version 7';
