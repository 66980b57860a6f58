-- tenantry: contract
DROP VIEW public.user_summaries;
CREATE VIEW public.user_summaries AS SELECT u.*, count(p.id) AS posts FROM public.users u LEFT JOIN public.posts p ON p.user_id = u.id GROUP BY u.id;
ALTER TABLE public.users RENAME COLUMN suspended_till TO silenced_till;
ALTER TABLE public.topics DROP COLUMN pov;
DROP TYPE public.point_of_view;
CREATE OR REPLACE FUNCTION public.count_estimate(pattern text) RETURNS bigint LANGUAGE sql STABLE AS $$ select count(*) from public.topics where title like pattern $$;
