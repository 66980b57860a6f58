create table customers (
  id bigint generated always as identity primary key,
  name text not null unique,
  created_at timestamptz not null default now()
);
create table products (sku text primary key, name text not null, cents bigint not null check (cents >= 0));
create table invoices (
  id bigint generated always as identity primary key,
  customer_id bigint not null references customers on delete cascade,
  number text not null unique,
  due date
);
create table lines (
  id bigint generated always as identity primary key,
  invoice_id bigint not null references invoices on delete cascade,
  sku text not null references products,
  quantity int not null check (quantity > 0)
);
create table payments (
  id bigint generated always as identity primary key,
  invoice_id bigint not null references invoices on delete cascade,
  cents bigint not null,
  received_at timestamptz not null default now()
);
create table reminders (id uuid primary key default gen_random_uuid(), invoice_id bigint references invoices, sent date);
create table notes (id bigint generated always as identity primary key, about text not null, text text not null);
create table counters (name text primary key, value bigint not null default 0);
create index lines_invoice on lines (invoice_id);
create index payments_invoice on payments (invoice_id);
create index invoices_due on invoices (due);
create view totals as
  select i.id, i.number, coalesce(sum(l.quantity * p.cents), 0) as cents
  from invoices i left join lines l on l.invoice_id = i.id left join products p on p.sku = l.sku
  group by i.id, i.number;
insert into products values ('a', 'Apples', 120), ('b', 'Bread', 350), ('c', 'Cheese', 890);
insert into counters values ('invoices', 0);
