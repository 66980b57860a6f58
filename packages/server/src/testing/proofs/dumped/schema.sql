--
-- PostgreSQL database dump: every name with its schema, nothing found by a path.
--
SET statement_timeout = 0;
SET lock_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET client_min_messages = warning;
SET row_security = off;

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';

CREATE TYPE public.issue_state AS ENUM (
    'opened',
    'closed'
);

CREATE FUNCTION public.count_open(project integer) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public'
    AS $$ select count(*) from public.issues where project_id = project and state = 'opened'::public.issue_state $$;

CREATE FUNCTION public.number_issue() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  select coalesce(max(iid), 0) + 1 into new.iid from public.issues where project_id = new.project_id; -- not public.other
  return new;
end $$;

SET default_tablespace = '';
SET default_table_access_method = heap;

CREATE TABLE public.issues (
    id bigint NOT NULL,
    project_id integer NOT NULL,
    iid integer,
    title character varying(255) NOT NULL,
    title_html text,
    state public.issue_state DEFAULT 'opened'::public.issue_state NOT NULL,
    due_date date,
    weight smallint,
    created_at timestamp without time zone DEFAULT now(),
    CONSTRAINT check_weight CHECK ((weight >= 0))
);

CREATE SEQUENCE public.issues_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.issues_id_seq OWNED BY public.issues.id;

CREATE TABLE public.projects (
    id integer NOT NULL,
    path character varying NOT NULL,
    parent_id integer
);
CREATE SEQUENCE public.projects_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.projects_id_seq OWNED BY public.projects.id;

CREATE VIEW public.open_issues AS
 SELECT issues.id,
    issues.title
   FROM public.issues
  WHERE (issues.state = 'opened'::public.issue_state);

ALTER TABLE ONLY public.issues ALTER COLUMN id SET DEFAULT nextval('public.issues_id_seq'::regclass);
ALTER TABLE ONLY public.projects ALTER COLUMN id SET DEFAULT nextval('public.projects_id_seq'::regclass);

INSERT INTO public.projects (id, path) VALUES (1, 'welcome');
SELECT pg_catalog.setval('public.issues_id_seq', 1, false);
SELECT pg_catalog.setval('public.projects_id_seq', 1, true);

ALTER TABLE ONLY public.issues
    ADD CONSTRAINT issues_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.projects
    ADD CONSTRAINT projects_pkey PRIMARY KEY (id);

CREATE INDEX index_issues_on_title_trigram ON public.issues USING gin (title public.gin_trgm_ops);
CREATE UNIQUE INDEX index_issues_on_project_id_and_iid ON public.issues USING btree (project_id, iid);
CREATE INDEX index_issues_on_lower_title ON public.issues USING btree (lower((title)::text)) WHERE (state = 'opened'::public.issue_state);
CREATE UNIQUE INDEX index_projects_on_path ON public.projects USING btree (path);

CREATE TRIGGER number_issue BEFORE INSERT ON public.issues FOR EACH ROW EXECUTE FUNCTION public.number_issue();

ALTER TABLE ONLY public.issues
    ADD CONSTRAINT fk_issues_project FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.projects
    ADD CONSTRAINT fk_projects_parent FOREIGN KEY (parent_id) REFERENCES public.projects(id) ON DELETE SET NULL DEFERRABLE;
