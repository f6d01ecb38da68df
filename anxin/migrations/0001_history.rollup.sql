-- Roll-ups without Timescale's licensed features. Hours are a table that the recorder fills in the same transaction
-- as the readings, from those that were new; minutes and days are views. `total / n` is the mean.
create table readings_1h (
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

create view readings_1m as
select home, quantity, date_bin('1 minute', at, 'epoch') as bucket, device,
       min(value) as low, sum(value) as total, max(value) as high, count(value) as n
from readings where value is not null
group by 1, 2, 3, 4;

create view readings_1d as
select home, quantity, date_bin('1 day', bucket, 'epoch') as bucket, device,
       min(low) as low, sum(total) as total, max(high) as high, sum(n)::bigint as n
from readings_1h
group by 1, 2, 3, 4;
