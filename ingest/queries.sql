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

-- name: add_readings
-- Readings of one batch; those that are here already are left alone.
insert into readings (home, quantity, at, device, report_id, received_at, value, text, test,
                      position, device_at, seq, retained, repaired)
select * from unnest(%(home)s::text[], %(quantity)s::text[], %(at)s::timestamptz[], %(device)s::text[],
                     %(report_id)s::text[], %(received_at)s::timestamptz[], %(value)s::float8[], %(text)s::text[],
                     %(test)s::bool[], %(position)s::bigint[], %(device_at)s::timestamptz[], %(seq)s::bigint[],
                     %(retained)s::bool[], %(repaired)s::text[])
on conflict do nothing;

-- name: add_readings_with_hours
-- The same where we keep the hours ourselves: only readings that were new are added to their hour, so twice is once.
with fresh as (
    insert into readings (home, quantity, at, device, report_id, received_at, value, text, test,
                          position, device_at, seq, retained, repaired)
    select * from unnest(%(home)s::text[], %(quantity)s::text[], %(at)s::timestamptz[], %(device)s::text[],
                         %(report_id)s::text[], %(received_at)s::timestamptz[], %(value)s::float8[], %(text)s::text[],
                         %(test)s::bool[], %(position)s::bigint[], %(device_at)s::timestamptz[], %(seq)s::bigint[],
                         %(retained)s::bool[], %(repaired)s::text[])
    on conflict do nothing
    returning home, quantity, at, device, value
)
insert into readings_1h as hours (home, quantity, bucket, device, low, total, high, n)
select home, quantity, date_bin('1 hour', at, 'epoch'), device, min(value), sum(value), max(value), count(value)
from fresh where value is not null
group by 1, 2, 3, 4
on conflict (home, quantity, bucket, device) do update set
    low = least(hours.low, excluded.low),
    total = hours.total + excluded.total,
    high = greatest(hours.high, excluded.high),
    n = hours.n + excluded.n;

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
-- The days there are partitions for.
select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = 'readings'::regclass order by 1;

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
