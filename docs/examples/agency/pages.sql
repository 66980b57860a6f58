-- What a new agency's site begins with. Values of the tenant stand outside of quotes, as expressions.

insert into media (id, name, content_type, size, stored, created_by) values
  ('0190a000-0000-7000-8000-00000000a001', 'studio.png', 'image/png', 1448, true, 'template');

insert into pages (id, slug, title, description, body, published, position, updated_by) values
  ('0190a000-0000-7000-8000-000000000001', 'home', 'Welcome to ' || {{ tenant.name }}, 'What we do, in a line',
   '![Our studio](/media/0190a000-0000-7000-8000-00000000a001/studio.png)

We are **' || {{ tenant.name }} || '**. See our [services](/services), or [write to us](/contact).',
   true, 1, 'template');

-- Without values of the tenant, rows may come as pg_dump writes them.
copy pages (id, slug, title, description, body, published, position, updated_by) from stdin;
0190a000-0000-7000-8000-000000000002	services	Services	What we offer	## Design\n\nFrom a logo to a whole brand.\n\n## Websites\n\nFast, and easy to keep.	t	2	template
0190a000-0000-7000-8000-000000000003	work	Work	What we have done	Three projects of which we are proud.	t	3	template
0190a000-0000-7000-8000-000000000004	about	About	Who we are	A small team with much experience.	t	4	template
0190a000-0000-7000-8000-000000000005	contact	Contact	How to reach us	Write to us: we answer within a day.	t	5	template
\.
