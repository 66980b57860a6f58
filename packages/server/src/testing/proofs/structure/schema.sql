--
-- PostgreSQL database dump, as Rails keeps it in db/structure.sql and pg_dump writes it, rows included
--

\restrict jFq3Vd0dZpQ2rT1

-- Dumped from database version 15.6
-- Dumped by pg_dump version 15.6

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: public; Type: SCHEMA; Schema: -; Owner: -
--

-- *not* creating schema, since initdb creates it

CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA public;
COMMENT ON EXTENSION pgcrypto IS 'cryptographic functions';
CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public;

CREATE TYPE public.visibility AS ENUM (
    'public',
    'unlisted',
    'private'
);
ALTER TYPE public.visibility OWNER TO forum;

CREATE DOMAIN public.handle AS public.citext
	CONSTRAINT handle_check CHECK ((VALUE OPERATOR(public.~) '^[a-z0-9_]{2,30}$'::public.citext));
ALTER DOMAIN public.handle OWNER TO forum;

CREATE TYPE public.point_of_view AS (
	author bigint,
	weight numeric(6,2)
);

--
-- Name: bump_counters(); Type: FUNCTION; Schema: public; Owner: forum
--

CREATE FUNCTION public.bump_counters() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
  topic public.topics%ROWTYPE;
BEGIN
  SELECT * INTO topic FROM public.topics WHERE id = COALESCE(NEW.topic_id, OLD.topic_id);
  UPDATE public.topics SET posts_count = topic.posts_count + CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END WHERE id = topic.id;
  RETURN NULL;
END
$$;
ALTER FUNCTION public.bump_counters() OWNER TO forum;

CREATE FUNCTION public.user_exists(wanted public.citext) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ select exists (select from public.users where username = wanted::public.handle) $$;
ALTER FUNCTION public.user_exists(wanted public.citext) OWNER TO forum;

CREATE FUNCTION public.count_estimate(pattern text) RETURNS bigint
    LANGUAGE plpgsql STABLE
    AS $_$
DECLARE
  result bigint;
BEGIN
  EXECUTE 'select count(*) from topics where title like $1' INTO result USING pattern;
  RETURN result;
END
$_$;

CREATE FUNCTION public.audit() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO public.versions (item_type, item_id, event, object)
  VALUES (TG_TABLE_NAME, OLD.id, lower(TG_OP), to_jsonb(OLD) - 'updated_at' - 'created_at' - 'public_id');
  RETURN OLD;
END
$$;

SET default_tablespace = '';
SET default_table_access_method = heap;

CREATE TABLE public.ar_internal_metadata (
    key character varying NOT NULL,
    value character varying,
    created_at timestamp(6) without time zone NOT NULL,
    updated_at timestamp(6) without time zone NOT NULL
);
ALTER TABLE public.ar_internal_metadata OWNER TO forum;

CREATE TABLE public.schema_migrations (
    version character varying NOT NULL
);
ALTER TABLE public.schema_migrations OWNER TO forum;

CREATE TABLE public.users (
    id bigint NOT NULL,
    username public.handle NOT NULL,
    email public.citext,
    settings public.hstore DEFAULT ''::public.hstore NOT NULL,
    api_token character varying DEFAULT encode(public.digest('fixed'::text, 'sha1'::text), 'hex'::text) NOT NULL,
    invited_by_id bigint,
    last_ip inet,
    suspended_till timestamp(6) without time zone,
    created_at timestamp(6) without time zone DEFAULT '2024-01-01 00:00:00'::timestamp without time zone NOT NULL,
    updated_at timestamp(6) without time zone DEFAULT '2024-01-01 00:00:00'::timestamp without time zone NOT NULL,
    lock_version integer DEFAULT 0 NOT NULL
);
ALTER TABLE public.users OWNER TO forum;
COMMENT ON TABLE public.users IS 'People; "accounts" elsewhere';
COMMENT ON COLUMN public.users.api_token IS 'It''s hashed';

CREATE SEQUENCE public.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER TABLE public.users_id_seq OWNER TO forum;
ALTER SEQUENCE public.users_id_seq OWNED BY public.users.id;

CREATE TABLE public.categories (
    id integer NOT NULL,
    name character varying(50) NOT NULL,
    parent_id integer,
    read_restricted boolean DEFAULT false NOT NULL
);
CREATE SEQUENCE public.categories_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.categories_id_seq OWNED BY public.categories.id;

CREATE TABLE public.topics (
    id bigint NOT NULL,
    title character varying NOT NULL,
    fancy_title character varying GENERATED ALWAYS AS (initcap((title)::text)) STORED,
    category_id integer,
    user_id bigint NOT NULL,
    visibility public.visibility DEFAULT 'public'::public.visibility NOT NULL,
    public_id uuid DEFAULT gen_random_uuid() NOT NULL,
    posts_count integer DEFAULT 0 NOT NULL,
    pov public.point_of_view,
    archetype character varying DEFAULT 'regular'::character varying NOT NULL,
    deleted_at timestamp(6) without time zone,
    created_at timestamp(6) without time zone DEFAULT '2024-01-01 00:00:00'::timestamp without time zone NOT NULL,
    updated_at timestamp(6) without time zone DEFAULT '2024-01-01 00:00:00'::timestamp without time zone NOT NULL,
    CONSTRAINT has_category_id CHECK (((category_id IS NOT NULL) OR ((archetype)::text <> 'regular'::text))),
    CONSTRAINT pm_has_no_category CHECK (((category_id IS NULL) OR ((archetype)::text <> 'private_message'::text)))
);
CREATE SEQUENCE public.topics_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.topics_id_seq OWNED BY public.topics.id;

CREATE TABLE public.posts (
    id bigint NOT NULL,
    topic_id bigint NOT NULL,
    user_id bigint,
    post_number integer NOT NULL,
    raw text NOT NULL,
    like_score double precision DEFAULT 0.0 NOT NULL,
    reply_to_post_number integer
);
CREATE SEQUENCE public.posts_id_seq START WITH 1 INCREMENT BY 1 NO MINVALUE NO MAXVALUE CACHE 1;
ALTER SEQUENCE public.posts_id_seq OWNED BY public.posts.id;

CREATE TABLE public.versions (
    id bigint NOT NULL,
    item_type character varying NOT NULL,
    item_id bigint NOT NULL,
    event character varying NOT NULL,
    object jsonb
);
ALTER TABLE public.versions ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.versions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: notifications; Type: TABLE; Schema: public; Owner: forum
--

CREATE TABLE public.notifications (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    type character varying NOT NULL,
    created_on date NOT NULL
)
PARTITION BY LIST (type);
ALTER TABLE public.notifications OWNER TO forum;
CREATE SEQUENCE public.notifications_id_seq START WITH 1 INCREMENT BY 1 NO MINVALUE NO MAXVALUE CACHE 1;
ALTER SEQUENCE public.notifications_id_seq OWNED BY public.notifications.id;

CREATE TABLE public.notifications_mention (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    type character varying NOT NULL,
    created_on date NOT NULL
);
CREATE TABLE public.notifications_rest (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    type character varying NOT NULL,
    created_on date NOT NULL
);

CREATE VIEW public.badge_posts AS
 SELECT p.id,
    p.topic_id,
    p.user_id,
    p.raw,
    t.title
   FROM ((public.posts p
     JOIN public.topics t ON ((t.id = p.topic_id)))
     LEFT JOIN public.categories c ON ((c.id = t.category_id)))
  WHERE ((t.deleted_at IS NULL) AND (NOT COALESCE(c.read_restricted, false)));
ALTER TABLE public.badge_posts OWNER TO forum;

CREATE VIEW public.listed_topics AS
 SELECT topics.id,
    topics.title,
    topics.category_id,
    topics.user_id,
    topics.visibility
   FROM public.topics
  WHERE (topics.visibility = 'public'::public.visibility)
  WITH CASCADED CHECK OPTION;

CREATE VIEW public.user_summaries AS
SELECT
    NULL::bigint AS id,
    NULL::public.handle AS username,
    NULL::public.citext AS email,
    NULL::bigint AS posts;

ALTER TABLE ONLY public.notifications ATTACH PARTITION public.notifications_mention FOR VALUES IN ('mention', 'reply');
ALTER TABLE ONLY public.notifications ATTACH PARTITION public.notifications_rest DEFAULT;
ALTER TABLE ONLY public.categories ALTER COLUMN id SET DEFAULT nextval('public.categories_id_seq'::regclass);
ALTER TABLE ONLY public.notifications ALTER COLUMN id SET DEFAULT nextval('public.notifications_id_seq'::regclass);
ALTER TABLE ONLY public.posts ALTER COLUMN id SET DEFAULT nextval('public.posts_id_seq'::regclass);
ALTER TABLE ONLY public.topics ALTER COLUMN id SET DEFAULT nextval('public.topics_id_seq'::regclass);
ALTER TABLE ONLY public.users ALTER COLUMN id SET DEFAULT nextval('public.users_id_seq'::regclass);

--
-- Data for Name: ar_internal_metadata; Type: TABLE DATA; Schema: public; Owner: forum
--

COPY public.ar_internal_metadata (key, value, created_at, updated_at) FROM stdin;
environment	production	2024-05-01 10:00:00	2024-05-01 10:00:00.25
schema_sha1	\N	2024-05-01 10:00:00	2024-05-01 10:00:00
\.

COPY public.categories (id, name, parent_id, read_restricted) FROM stdin;
1	General; it's "open"	\N	f
2	Staff\tand\\or\nadmins	1	t
\.

COPY public.users (id, username, email, settings, invited_by_id, last_ip) FROM stdin;
1	system	\N	"theme"=>"dark", "empty"=>NULL	\N	127.0.0.1
2	ada	Ada@Example.com		1	\N
\.

COPY public.topics (id, title, category_id, user_id, pov) FROM stdin;
1	welcome to the forum	1	1	(1,0.50)
\.

COPY public.posts (id, topic_id, user_id, post_number, raw) FROM stdin;
\.

SELECT pg_catalog.setval('public.categories_id_seq', 2, true);
SELECT pg_catalog.setval('public.notifications_id_seq', 1, false);
SELECT pg_catalog.setval('public.posts_id_seq', 1, false);
SELECT pg_catalog.setval('public.topics_id_seq', 1, true);
SELECT pg_catalog.setval('public.users_id_seq', 2, true);
SELECT pg_catalog.setval('public.versions_id_seq', 1, false);

ALTER TABLE ONLY public.ar_internal_metadata
    ADD CONSTRAINT ar_internal_metadata_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.categories
    ADD CONSTRAINT categories_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (id, type);
ALTER TABLE ONLY public.notifications_mention
    ADD CONSTRAINT notifications_mention_pkey PRIMARY KEY (id, type);
ALTER TABLE ONLY public.notifications_rest
    ADD CONSTRAINT notifications_rest_pkey PRIMARY KEY (id, type);
ALTER TABLE ONLY public.posts
    ADD CONSTRAINT posts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.topics
    ADD CONSTRAINT topics_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.versions
    ADD CONSTRAINT versions_pkey PRIMARY KEY (id);
ALTER TABLE public.topics
    ADD CONSTRAINT topics_title_length CHECK ((char_length((title)::text) > 2)) NOT VALID;

CREATE UNIQUE INDEX index_categories_on_parent_and_lower_name ON public.categories USING btree (COALESCE(parent_id, '-1'::integer), lower((name)::text));
CREATE INDEX index_notifications_on_account ON ONLY public.notifications USING btree (account_id, created_on);
CREATE INDEX notifications_mention_account_id_created_on_idx ON public.notifications_mention USING btree (account_id, created_on);
CREATE INDEX notifications_rest_account_id_created_on_idx ON public.notifications_rest USING btree (account_id, created_on);
CREATE UNIQUE INDEX index_posts_on_topic_id_and_post_number ON public.posts USING btree (topic_id, post_number);
CREATE INDEX index_posts_on_raw ON public.posts USING gin (to_tsvector('simple'::regconfig, raw));
CREATE UNIQUE INDEX index_topics_on_lower_title ON public.topics USING btree (lower((title)::text)) WHERE ((deleted_at IS NULL) AND ((archetype)::text <> 'private_message'::text));
CREATE INDEX index_topics_on_created_at ON public.topics USING btree (created_at DESC NULLS LAST) WHERE (deleted_at IS NULL);
CREATE UNIQUE INDEX index_topics_on_public_id ON public.topics USING btree (public_id);
CREATE UNIQUE INDEX index_users_on_email ON public.users USING btree (email);
CREATE UNIQUE INDEX index_users_on_username ON public.users USING btree (username);
CREATE INDEX index_users_on_settings ON public.users USING gin (settings);
CREATE INDEX index_versions_on_item ON public.versions USING btree (item_type, item_id);

ALTER INDEX public.index_notifications_on_account ATTACH PARTITION public.notifications_mention_account_id_created_on_idx;
ALTER INDEX public.index_notifications_on_account ATTACH PARTITION public.notifications_rest_account_id_created_on_idx;
ALTER INDEX public.notifications_pkey ATTACH PARTITION public.notifications_mention_pkey;
ALTER INDEX public.notifications_pkey ATTACH PARTITION public.notifications_rest_pkey;

--
-- Name: user_summaries _RETURN; Type: RULE; Schema: public; Owner: forum
--

CREATE OR REPLACE VIEW public.user_summaries AS
 SELECT u.id,
    u.username,
    u.email,
    count(p.id) AS posts
   FROM (public.users u
     LEFT JOIN public.posts p ON ((p.user_id = u.id)))
  GROUP BY u.id;

CREATE TRIGGER bump AFTER INSERT OR DELETE ON public.posts FOR EACH ROW EXECUTE FUNCTION public.bump_counters();
CREATE TRIGGER audit_topics BEFORE DELETE OR UPDATE ON public.topics FOR EACH ROW WHEN ((old.posts_count > 0)) EXECUTE FUNCTION public.audit();
ALTER TABLE public.topics DISABLE TRIGGER audit_topics;
ALTER TABLE public.topics ENABLE TRIGGER audit_topics;

ALTER TABLE ONLY public.users
    ADD CONSTRAINT fk_rails_147b6eced4 FOREIGN KEY (invited_by_id) REFERENCES public.users(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.categories
    ADD CONSTRAINT fk_rails_2e1f8c3d11 FOREIGN KEY (parent_id) REFERENCES public.categories(id) ON UPDATE CASCADE ON DELETE RESTRICT;
ALTER TABLE ONLY public.topics
    ADD CONSTRAINT fk_rails_7b812cfb44 FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.topics
    ADD CONSTRAINT fk_rails_9a0bd0a5f2 FOREIGN KEY (category_id) REFERENCES public.categories(id);
ALTER TABLE ONLY public.posts
    ADD CONSTRAINT fk_rails_5736a68073 FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.posts
    ADD CONSTRAINT fk_rails_70bd1b9f3e FOREIGN KEY (topic_id) REFERENCES public.topics(id) ON DELETE CASCADE DEFERRABLE;
ALTER TABLE public.notifications
    ADD CONSTRAINT fk_rails_4aea6afa11 FOREIGN KEY (account_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- PostgreSQL database dump complete
--

\unrestrict jFq3Vd0dZpQ2rT1

SET search_path TO "$user", public;

INSERT INTO "schema_migrations" (version) VALUES
('20240501100000'),
('20240502100000'),
('20240503100000');
