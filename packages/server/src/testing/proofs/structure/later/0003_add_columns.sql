-- add_column, change_column_default, add_index, add_check_constraint, with what public. says
ALTER TABLE public.users ADD COLUMN locale character varying DEFAULT 'en' NOT NULL;
ALTER TABLE public.users ADD COLUMN posts_count bigint;
UPDATE public.users SET posts_count = totals.posts FROM (SELECT u.id, count(p.id) AS posts FROM public.users u LEFT JOIN public.posts p ON p.user_id = u.id GROUP BY u.id) totals WHERE totals.id = users.id;
ALTER TABLE public.users ALTER COLUMN posts_count SET DEFAULT 0, ALTER COLUMN posts_count SET NOT NULL;
CREATE INDEX index_users_on_locale ON public.users USING btree (locale) WHERE (posts_count > 0);
ALTER TYPE public.visibility ADD VALUE 'direct' BEFORE 'private';
ALTER TABLE public.posts ADD CONSTRAINT posts_number_positive CHECK (post_number > 0);
ALTER TABLE public.posts ADD COLUMN edited_by_id bigint CONSTRAINT fk_rails_edit REFERENCES public.users (id) ON DELETE SET NULL;
COMMENT ON COLUMN public.users.locale IS 'ISO 639';
