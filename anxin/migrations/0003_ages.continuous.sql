-- Readings are kept for 30 days, minutes for 180, hours and days for two years. A refresh over readings that were
-- dropped would drop their roll-ups too, so every refresh looks back less far than readings are kept; and further than
-- the latest that a reading can come: three days in the stream and one in its device.
select remove_continuous_aggregate_policy('readings_1m');
select remove_continuous_aggregate_policy('readings_1h');
select remove_continuous_aggregate_policy('readings_1d');
select add_continuous_aggregate_policy('readings_1m', start_offset => interval '7 days', end_offset => interval '2 minutes', schedule_interval => interval '1 minute');
select add_continuous_aggregate_policy('readings_1h', start_offset => interval '7 days', end_offset => interval '1 hour', schedule_interval => interval '10 minutes');
select add_continuous_aggregate_policy('readings_1d', start_offset => interval '7 days', end_offset => interval '1 day', schedule_interval => interval '1 hour');

select remove_retention_policy('readings');
select remove_retention_policy('readings_1m');
select add_retention_policy('readings', drop_after => interval '30 days');
select add_retention_policy('readings_1m', drop_after => interval '180 days');
select add_retention_policy('readings_1h', drop_after => interval '730 days');
select add_retention_policy('readings_1d', drop_after => interval '730 days');
