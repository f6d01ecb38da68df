-- What a report was besides its readings, so that the past can be heard again exactly as it was heard: its place in
-- the stream, the device's own time and counter, whether the broker had kept it, and why its time was repaired.
-- Null in rows from before: those are told apart and ordered by their names and times of receipt.
alter table readings add column position bigint;
alter table readings add column device_at timestamptz;
alter table readings add column seq bigint;
alter table readings add column retained boolean;
alter table readings add column repaired text;
