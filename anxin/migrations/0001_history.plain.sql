-- Readings on plain PostgreSQL: one partition for each UTC day, made ahead by the recorder.
-- `value` is the number, or 1 and 0 for true and false; `text` is a word; both null: the device said it does not know.
-- The key contains the time, as hypertables require, and begins with what history is asked by.
create table readings (
    home text not null,
    quantity text not null,
    at timestamptz not null,
    device text not null,
    report_id text not null,
    received_at timestamptz not null,
    value double precision,
    text text,
    test boolean not null,
    primary key (home, quantity, at, device, report_id)
) partition by range (at);
create index readings_at on readings using brin (at);
