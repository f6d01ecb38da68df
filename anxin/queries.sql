-- What the service asks the database about the past.

-- name: readings
-- Every reading of a quantity of a home, in order; continues after a row that was seen.
select at, device, report_id, value, text from readings
where home = %(home)s and quantity = %(quantity)s and at >= %(from_at)s::timestamptz and at < %(to_at)s::timestamptz
  and (%(device)s::text is null or device = %(device)s::text)
  and (at, device, report_id) > (%(after_at)s::timestamptz, %(after_device)s::text, %(after_report)s::text)
order by at, device, report_id
limit %(limit)s::int;

-- name: buckets
-- Least, mean, greatest and count in buckets of a step aligned to the epoch, from the readings themselves.
select date_bin(%(step)s::interval, at, 'epoch') as bucket, min(value), avg(value), max(value), count(value)
from readings
where home = %(home)s and quantity = %(quantity)s and at >= %(from_at)s::timestamptz and at < %(to_at)s::timestamptz
  and (%(device)s::text is null or device = %(device)s::text) and value is not null
group by 1 order by 1;

-- name: buckets_by_hour
-- The same for steps of whole hours: full hours from the roll-up, the ends from minutes and readings.
select date_bin(%(step)s::interval, bucket, 'epoch') as bucket,
       min(low), sum(total) / sum(n), max(high), sum(n)::bigint
from (
    select bucket, low, total, high, n from readings_1h
    where home = %(home)s and quantity = %(quantity)s
      and bucket >= %(first_hour)s::timestamptz and bucket < %(end_hour)s::timestamptz
      and (%(device)s::text is null or device = %(device)s::text)
    union all
    select bucket, low, total, high, n from readings_1m
    where home = %(home)s and quantity = %(quantity)s
      and (%(device)s::text is null or device = %(device)s::text)
      and ((bucket >= %(first_minute)s::timestamptz and bucket < %(first_hour)s::timestamptz)
           or (bucket >= %(end_hour)s::timestamptz and bucket < %(end_minute)s::timestamptz))
    union all
    select at, value, value, value, 1 from readings
    where home = %(home)s and quantity = %(quantity)s and value is not null
      and (%(device)s::text is null or device = %(device)s::text)
      and ((at >= %(from_at)s::timestamptz and at < %(first_minute)s::timestamptz)
           or (at >= %(end_minute)s::timestamptz and at < %(to_at)s::timestamptz))
) as parts
group by 1 order by 1;

-- name: buckets_by_minute
-- The same for steps of whole minutes.
select date_bin(%(step)s::interval, bucket, 'epoch') as bucket,
       min(low), sum(total) / sum(n), max(high), sum(n)::bigint
from (
    select bucket, low, total, high, n from readings_1m
    where home = %(home)s and quantity = %(quantity)s
      and bucket >= %(first_minute)s::timestamptz and bucket < %(end_minute)s::timestamptz
      and (%(device)s::text is null or device = %(device)s::text)
    union all
    select at, value, value, value, 1 from readings
    where home = %(home)s and quantity = %(quantity)s and value is not null
      and (%(device)s::text is null or device = %(device)s::text)
      and ((at >= %(from_at)s::timestamptz and at < %(first_minute)s::timestamptz)
           or (at >= %(end_minute)s::timestamptz and at < %(to_at)s::timestamptz))
) as parts
group by 1 order by 1;

-- name: refusals
-- Refused messages by topic, reason and quantity, the latest first.
select topic, device, reason, count(*), max(received_at),
       (array_agg(sample order by received_at desc))[1], bool_or(alarm)
from quarantine where received_at >= %(since)s::timestamptz
group by topic, device, reason order by 5 desc limit %(limit)s::int;

-- name: unclaimed
-- Devices in nobody's home, the latest first.
select topic, dialect, first_at, last_at, heard, suggested_kind, suggested_home, payload
from unclaimed order by last_at desc limit %(limit)s::int;

-- name: first_reading
-- Where the readings of some homes begin: older ones have been dropped, or were never there.
select at from readings
where home = any(%(homes)s::text[]) and at >= %(oldest)s::timestamptz and at < %(end)s::timestamptz
order by at limit 1;

-- name: arrivals
-- Readings of some homes in the order in which they were heard, the readings of a report together.
select home, device, report_id, quantity, at, received_at, value, text, test, device_at, seq, retained, repaired
from readings
where home = any(%(homes)s::text[]) and at >= %(oldest)s::timestamptz and at < %(end)s::timestamptz + interval '1 minute'
  and received_at >= %(begin)s::timestamptz and received_at < %(end)s::timestamptz
order by received_at, position nulls first, device, report_id, quantity;

-- name: count_arrivals
-- How many of them there are, counted no further than a limit.
select count(*) from (
    select 1 from readings
    where home = any(%(homes)s::text[]) and at >= %(oldest)s::timestamptz and at < %(end)s::timestamptz + interval '1 minute'
      and received_at >= %(begin)s::timestamptz and received_at < %(end)s::timestamptz
    limit %(limit)s::int
) as found;

-- name: arrived_refusals
-- Unreadable alarms of some homes: they make alerts too.
select refusal_id, received_at, topic, home, device, reason, quantity, detail from quarantine
where home = any(%(homes)s::text[]) and alarm
  and received_at >= %(begin)s::timestamptz and received_at < %(end)s::timestamptz
order by received_at, refusal_id;

-- name: judged
-- Cases that were open in a time, and what people found.
select home, cause, raised_at, closed_at, outcome ->> 'truth' from alerts
where raised_at < %(end)s::timestamptz and (closed_at is null or closed_at >= %(begin)s::timestamptz) and not test
order by raised_at, alert;

-- name: protected_days
-- What became of these homes' hours, by day.
select day, state, sum(seconds) from protection_days
where day >= %(from_day)s::date and day <= %(to_day)s::date and home = any(%(homes)s::text[])
group by 1, 2 order by 1, 2;

-- name: protected_causes
-- What took the hours that were not fully protected, the longest first.
select state, cause, sum(seconds), count(distinct home) from protection_days
where day >= %(from_day)s::date and day <= %(to_day)s::date and home = any(%(homes)s::text[]) and state <> 'protected'
group by 1, 2 order by 3 desc, 1, 2 limit %(limit)s::int;

-- name: protected_homes
-- The homes that lost most: not protected counts before partly, and what nobody knows before that.
select home,
       coalesce(sum(seconds) filter (where state = 'protected'), 0),
       coalesce(sum(seconds) filter (where state = 'partly'), 0),
       coalesce(sum(seconds) filter (where state = 'not'), 0),
       coalesce(sum(seconds) filter (where state = 'unknown'), 0)
from protection_days
where day >= %(from_day)s::date and day <= %(to_day)s::date and home = any(%(homes)s::text[])
group by home having sum(seconds) filter (where state <> 'protected') > 0
order by 4 desc, 3 desc, 5 desc, 1 limit %(limit)s::int;

-- name: protected_known
-- Since when, and up to when.
select min(day), max(as_of) from protection_known where day >= %(from_day)s::date and day <= %(to_day)s::date;
