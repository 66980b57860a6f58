-- What each database level doesn't hold of an app's schema as it is after this file, as it was read from the blueprint: null
-- where nobody has looked. It stands here so that it goes when a release that came to nothing takes its files back.
alter table app_migrations add column findings jsonb;
