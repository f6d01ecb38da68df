-- Readings with TimescaleDB: a hypertable of one-day chunks. Columns as on plain PostgreSQL.
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
);
select create_hypertable('readings', by_range('at', interval '1 day'));
