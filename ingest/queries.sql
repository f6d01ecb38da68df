-- What the recorder says to the database. One named statement each; times and rows come in as parameters.

-- name: position
-- How far a stream has been written; locked, so that a second recorder waits and then sees ours.
select position from positions where stream = %(stream)s for update;

-- name: begin_position
-- A stream that was never written starts before its first message.
insert into positions (stream, position, moved_at) values (%(stream)s, 0, %(now)s) on conflict do nothing;

-- name: move_position
-- The fence: only whoever knows the last position may move it, in the same transaction as the rows.
update positions set position = %(to)s, moved_at = %(now)s
where stream = %(stream)s and position = %(from)s;

-- name: reset_position
-- The stream was made anew and counts from one again; rows that are here already are recognised by their keys.
update positions set position = 0, moved_at = %(now)s where stream = %(stream)s;

-- name: make_arriving
-- Where a batch is copied to first: COPY itself cannot leave alone what is here already. Each connection has its own.
create temporary table if not exists arriving (
    home text, quantity text, at timestamptz, device text, report_id text, received_at timestamptz,
    value double precision, text text, test boolean,
    position bigint, device_at timestamptz, seq bigint, retained boolean, repaired text
) on commit delete rows;

-- name: copy_arriving
-- A batch of readings on its way.
copy arriving (home, quantity, at, device, report_id, received_at, value, text, test,
               position, device_at, seq, retained, repaired) from stdin;

-- name: add_readings
-- Readings of one batch; those that are here already are left alone.
insert into readings (home, quantity, at, device, report_id, received_at, value, text, test,
                      position, device_at, seq, retained, repaired)
select home, quantity, at, device, report_id, received_at, value, text, test,
       position, device_at, seq, retained, repaired from arriving
on conflict do nothing;

-- name: add_readings_with_rollups
-- The same where we keep minutes, hours and days ourselves: only readings that were new are added, so twice is once.
with fresh as (
    insert into readings (home, quantity, at, device, report_id, received_at, value, text, test,
                          position, device_at, seq, retained, repaired)
    select home, quantity, at, device, report_id, received_at, value, text, test,
           position, device_at, seq, retained, repaired from arriving
    on conflict do nothing
    returning home, quantity, at, device, value
), by_minute as (
    insert into readings_1m as minutes (home, quantity, bucket, device, low, total, high, n)
    select home, quantity, date_bin('1 minute', at, 'epoch'), device, min(value), sum(value), max(value), count(value)
    from fresh where value is not null
    group by 1, 2, 3, 4
    on conflict (home, quantity, bucket, device) do update set
        low = least(minutes.low, excluded.low),
        total = minutes.total + excluded.total,
        high = greatest(minutes.high, excluded.high),
        n = minutes.n + excluded.n
), by_hour as (
    insert into readings_1h as hours (home, quantity, bucket, device, low, total, high, n)
    select home, quantity, date_bin('1 hour', at, 'epoch'), device, min(value), sum(value), max(value), count(value)
    from fresh where value is not null
    group by 1, 2, 3, 4
    on conflict (home, quantity, bucket, device) do update set
        low = least(hours.low, excluded.low),
        total = hours.total + excluded.total,
        high = greatest(hours.high, excluded.high),
        n = hours.n + excluded.n
)
insert into readings_1d as days (home, quantity, bucket, device, low, total, high, n)
select home, quantity, date_bin('1 day', at, 'epoch'), device, min(value), sum(value), max(value), count(value)
from fresh where value is not null
group by 1, 2, 3, 4
on conflict (home, quantity, bucket, device) do update set
    low = least(days.low, excluded.low),
    total = days.total + excluded.total,
    high = greatest(days.high, excluded.high),
    n = days.n + excluded.n;

-- name: add_findings
-- Phases of episodes; a repeat has the same event id.
insert into findings (event_id, finding, at, phase, home, resident, device, rule, rule_version, code, level, body)
select * from unnest(%(event_id)s::text[], %(finding)s::text[], %(at)s::timestamptz[], %(phase)s::text[],
                     %(home)s::text[], %(resident)s::text[], %(device)s::text[], %(rule)s::text[],
                     %(rule_version)s::int[], %(code)s::text[], %(level)s::text[], %(body)s::json[])
on conflict do nothing;

-- name: add_alert_events
-- Decisions about alerts, in the order of the log.
insert into alert_events (alert, version, number, home, at, body)
select * from unnest(%(alert)s::text[], %(version)s::int[], %(number)s::int[], %(home)s::text[],
                     %(at)s::timestamptz[], %(body)s::json[])
on conflict do nothing;

-- name: raise_alert
-- A case begins.
insert into alerts (alert, number, home, resident, room, micro_grid, cause, code, level, state, test, onset_at,
                    raised_at, arrive_by, version)
values (%(alert)s, %(number)s, %(home)s, %(resident)s, %(room)s, %(micro_grid)s, %(cause)s, %(code)s, %(level)s,
        'new', %(test)s, %(onset_at)s::timestamptz, %(at)s::timestamptz, %(arrive_by)s::timestamptz, %(version)s)
on conflict do nothing;

-- name: relevel_alert
-- A case became more urgent, or less.
update alerts set level = %(level)s, code = %(code)s, arrive_by = %(arrive_by)s::timestamptz, version = %(version)s
where alert = %(alert)s and version <= %(version)s;

-- name: acknowledge_alert
-- Somebody took it; the first time counts for the figures.
update alerts set state = case when state = 'new' then 'acknowledged' else state end,
    state_before = state, acknowledged_at = coalesce(acknowledged_at, %(at)s::timestamptz),
    acknowledged_by = coalesce(acknowledged_by, %(by)s::text), version = %(version)s
where alert = %(alert)s and version <= %(version)s;

-- name: send_alert
-- Somebody was asked to go, or goes.
update alerts set state = case when state in ('new', 'acknowledged') then 'dispatched' else state end,
    version = %(version)s
where alert = %(alert)s and version <= %(version)s;

-- name: attend_alert
-- Somebody is there; the first one counts for the ten minutes.
update alerts set state = 'attended', arrived_at = coalesce(arrived_at, %(at)s::timestamptz),
    arrived_by = coalesce(arrived_by, %(by)s::text), version = %(version)s
where alert = %(alert)s and version <= %(version)s;

-- name: close_alert
-- The case has ended.
update alerts set state_before = state, state = 'closed', closed_at = %(at)s::timestamptz, closed_by = %(by)s,
    outcome = %(outcome)s::json, version = %(version)s
where alert = %(alert)s and version <= %(version)s;

-- name: reopen_alert
-- It goes on under its number.
update alerts set state = 'new', state_before = null, closed_at = null, closed_by = null, outcome = null,
    level = %(level)s, code = %(code)s, arrive_by = %(arrive_by)s::timestamptz, version = %(version)s
where alert = %(alert)s and version <= %(version)s;

-- name: undo_alert
-- The last acknowledgement or closing was taken back.
update alerts set state = coalesce(state_before, 'new'), state_before = null,
    acknowledged_at = case when state = 'closed' or state_before <> 'new' then acknowledged_at end,
    acknowledged_by = case when state = 'closed' or state_before <> 'new' then acknowledged_by end,
    closed_at = null, closed_by = null, outcome = null, version = %(version)s
where alert = %(alert)s and version <= %(version)s;

-- name: touch_alert
-- Anything else that happened moves only the version.
update alerts set version = %(version)s where alert = %(alert)s and version <= %(version)s;

-- name: add_refusals
-- Refused messages and quantities.
insert into quarantine (refusal_id, received_at, topic, home, device, reason, quantity, detail, alarm, sample)
select * from unnest(%(refusal_id)s::text[], %(received_at)s::timestamptz[], %(topic)s::text[], %(home)s::text[],
                     %(device)s::text[], %(reason)s::text[], %(quantity)s::text[], %(detail)s::text[],
                     %(alarm)s::bool[], %(sample)s::text[])
on conflict do nothing;

-- name: see_unclaimed
-- A device in nobody's home was heard again.
insert into unclaimed as u (topic, dialect, first_at, last_at, heard, suggested_kind, suggested_home, payload)
values (%(topic)s, %(dialect)s, %(at)s::timestamptz, %(at)s::timestamptz, 1, %(kind)s, %(home)s, %(payload)s)
on conflict (topic) do update set dialect = excluded.dialect, last_at = greatest(u.last_at, excluded.last_at),
    heard = u.heard + 1, suggested_kind = coalesce(excluded.suggested_kind, u.suggested_kind),
    suggested_home = coalesce(excluded.suggested_home, u.suggested_home), payload = excluded.payload;

-- name: partitions
-- The days there are partitions for, by table.
select p.relname, c.relname from pg_inherits i
join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
where p.relname = any(%(tables)s::text[]) and pg_table_is_visible(p.oid) order by 2;

-- name: drop_chunks
-- Readings that are too old, by whole days (TimescaleDB without its licensed retention).
select drop_chunks('readings', older_than => %(before)s::timestamptz);

-- name: end_retention
-- TimescaleDB: the age by which a table was dropped until now.
select remove_retention_policy(%(table)s::regclass, if_exists => true);

-- name: begin_retention
-- TimescaleDB: chunks of a table that are older than that are dropped.
select add_retention_policy(%(table)s::regclass, drop_after => %(age)s::interval);

-- name: forget_hours
-- Roll-ups by the hour that are too old.
delete from readings_1h where ctid = any(array(
    select ctid from readings_1h where bucket < %(before)s::timestamptz limit %(limit)s::int));

-- name: forget_days
-- Roll-ups by the day that are too old.
delete from readings_1d where ctid = any(array(
    select ctid from readings_1d where bucket < %(before)s::timestamptz limit %(limit)s::int));

-- name: forget_refusals
-- Refused payloads that are too old, some at a time.
delete from quarantine where ctid = any(array(
    select ctid from quarantine where received_at < %(before)s::timestamptz limit %(limit)s::int));

-- name: forget_unclaimed
-- Devices in nobody's home that have not been heard for long.
delete from unclaimed where ctid = any(array(
    select ctid from unclaimed where last_at < %(before)s::timestamptz limit %(limit)s::int));

-- name: forget_findings
-- Phases of episodes that are too old.
delete from findings where ctid = any(array(
    select ctid from findings where at < %(before)s::timestamptz limit %(limit)s::int));

-- name: forget_alert_events
-- The logs of cases that were closed too long ago.
delete from alert_events where ctid = any(array(
    select e.ctid from alert_events e join alerts a using (alert)
    where a.closed_at < %(before)s::timestamptz limit %(limit)s::int));

-- name: forget_alerts
-- Cases that were closed too long ago and whose log is gone.
delete from alerts where ctid = any(array(
    select a.ctid from alerts a where a.closed_at < %(before)s::timestamptz
    and not exists (select from alert_events e where e.alert = a.alert) limit %(limit)s::int));

-- name: add_guards
-- What the rules said of homes' protection.
insert into protection_changes (home, at, state, cause, role)
select * from unnest(%(home)s::text[], %(at)s::timestamptz[], %(state)s::text[], %(cause)s::text[], %(role)s::text[])
on conflict (home, at) do update set state = excluded.state, cause = excluded.cause, role = excluded.role;

-- name: last_watched
-- The last while in which a worker knew what it said.
select role, run, begin_at, end_at from protection_watched where role = %(role)s order by begin_at desc limit 1;

-- name: keep_watched
-- It goes on, or a new one began.
insert into protection_watched (role, run, begin_at, end_at)
values (%(role)s, %(run)s::timestamptz, %(begin)s::timestamptz, %(end)s::timestamptz)
on conflict (role, begin_at) do update set end_at = greatest(protection_watched.end_at, excluded.end_at);

-- name: guards_between
-- What was said of every home in a while, and the last before it.
select home, at, state, cause, role from (
    (select distinct on (home) home, at, state, cause, role from protection_changes
     where at < %(begin)s::timestamptz order by home, at desc)
    union all
    select home, at, state, cause, role from protection_changes
    where at >= %(begin)s::timestamptz and at < %(end)s::timestamptz
) as both_parts order by home, at;

-- name: watched_between
-- When the workers knew what they said.
select role, run, begin_at, end_at from protection_watched
where begin_at < %(end)s::timestamptz and end_at > %(begin)s::timestamptz;

-- name: protection_todo
-- The first day of which anything was said, and those that were added up when they were over.
select (select min(at) from protection_changes), array(select day from protection_known where done);

-- name: clear_protection_day
-- A day is added up anew.
delete from protection_days where day = %(day)s::date;

-- name: add_protection_day
-- What became of every home's hours on a day.
insert into protection_days (day, home, state, cause, seconds)
select %(day)s::date, * from unnest(%(home)s::text[], %(state)s::text[], %(cause)s::text[], %(seconds)s::float8[]);

-- name: know_protection_day
-- Up to when.
insert into protection_known (day, as_of, done) values (%(day)s::date, %(as_of)s::timestamptz, %(done)s::bool)
on conflict (day) do update set as_of = excluded.as_of, done = excluded.done;

-- name: forget_guards
-- What was said long ago; the last word on each home stays.
delete from protection_changes where ctid = any(array(
    select c.ctid from protection_changes c where c.at < %(before)s::timestamptz
    and exists (select from protection_changes n where n.home = c.home and n.at > c.at and n.at < %(before)s::timestamptz)
    limit %(limit)s::int));

-- name: forget_watched
-- Whiles of long ago.
delete from protection_watched where ctid = any(array(
    select ctid from protection_watched where end_at < %(before)s::timestamptz limit %(limit)s::int));

-- name: forget_protection_days
-- Days of long ago.
delete from protection_days where ctid = any(array(
    select ctid from protection_days where day < (%(before)s::timestamptz)::date limit %(limit)s::int));
