-- Features under the Timescale licence: roll-ups that keep themselves up to date, compression, retention.
-- Run in a savepoint: an Apache-only build refuses them and gets 0001_history.rollup.sql instead.
create materialized view readings_1m with (timescaledb.continuous, timescaledb.materialized_only = false) as
select home, quantity, time_bucket(interval '1 minute', at) as bucket, device,
       min(value) as low, sum(value) as total, max(value) as high, count(value) as n
from readings where value is not null
group by 1, 2, 3, 4
with no data;

create materialized view readings_1h with (timescaledb.continuous, timescaledb.materialized_only = false) as
select home, quantity, time_bucket(interval '1 hour', at) as bucket, device,
       min(value) as low, sum(value) as total, max(value) as high, count(value) as n
from readings where value is not null
group by 1, 2, 3, 4
with no data;

create materialized view readings_1d with (timescaledb.continuous, timescaledb.materialized_only = false) as
select home, quantity, time_bucket(interval '1 day', at) as bucket, device,
       min(value) as low, sum(value) as total, max(value) as high, count(value) as n
from readings where value is not null
group by 1, 2, 3, 4
with no data;

-- The end offsets leave room for readings that come a day late.
select add_continuous_aggregate_policy('readings_1m', interval '3 days', interval '2 minutes', interval '1 minute');
select add_continuous_aggregate_policy('readings_1h', interval '7 days', interval '1 hour', interval '10 minutes');
select add_continuous_aggregate_policy('readings_1d', interval '30 days', interval '1 day', interval '1 hour');

alter table readings set (
    timescaledb.enable_columnstore,
    timescaledb.segmentby = 'home, quantity',
    timescaledb.orderby = 'at desc'
);
call add_columnstore_policy('readings', after => interval '7 days');
select add_retention_policy('readings', interval '400 days');
select add_retention_policy('readings_1m', interval '400 days');
