-- The parent that may see this tenant. Whom it names, and not a flag: a node of the version before, which gives the tenant
-- another parent and says nothing of this, has taken the grant away by that.
alter table tenants add column visible_to uuid;
