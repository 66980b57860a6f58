-- one more partition, taken out of the default one
CREATE TABLE public.notifications_like PARTITION OF public.notifications FOR VALUES IN ('favourite');
ALTER TABLE public.notifications ADD COLUMN read boolean DEFAULT false NOT NULL;
CREATE INDEX index_notifications_unread ON public.notifications (account_id) WHERE NOT read;
UPDATE public.notifications SET type = 'favourite' WHERE type = 'like';
