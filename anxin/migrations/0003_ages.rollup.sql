-- Readings themselves are kept for 30 days only, so minutes and days are tables of their own now, like the hours: the
-- recorder fills them in the same transaction as the readings. Minutes have a partition for each UTC day, made ahead
-- and dropped by the recorder. What there is of readings and hours is put into them here, however long that takes.
set local statement_timeout = 0;

drop view readings_1d;
drop view readings_1m;

create table readings_1m (
    home text not null,
    quantity text not null,
    bucket timestamptz not null,
    device text not null,
    low double precision not null,
    total double precision not null,
    high double precision not null,
    n bigint not null,
    primary key (home, quantity, bucket, device)
) partition by range (bucket);

create table readings_1d (
    home text not null,
    quantity text not null,
    bucket timestamptz not null,
    device text not null,
    low double precision not null,
    total double precision not null,
    high double precision not null,
    n bigint not null,
    primary key (home, quantity, bucket, device)
);
create index readings_1h_bucket on readings_1h using brin (bucket);
create index readings_1d_bucket on readings_1d using brin (bucket);

do $$
declare day timestamp;
begin
    for day in select distinct date_trunc('day', at at time zone 'UTC') from readings loop
        execute format('create table %I partition of readings_1m for values from (%L) to (%L)',
                       'readings_1m_' || to_char(day, 'YYYYMMDD'),
                       day at time zone 'UTC', (day + interval '1 day') at time zone 'UTC');
    end loop;
end $$;

insert into readings_1m (home, quantity, bucket, device, low, total, high, n)
select home, quantity, date_bin('1 minute', at, 'epoch'), device, min(value), sum(value), max(value), count(value)
from readings where value is not null
group by 1, 2, 3, 4;

insert into readings_1d (home, quantity, bucket, device, low, total, high, n)
select home, quantity, date_bin('1 day', bucket, 'epoch'), device, min(low), sum(total), max(high), sum(n)
from readings_1h
group by 1, 2, 3, 4;
