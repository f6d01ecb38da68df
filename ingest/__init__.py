"""MQTT in, reports out: devices' messages become readings on the stream, and the stream becomes history.

Start at `normalize` (pure: one message -> reports, refusals, unclaimed), then `gateway` (the only MQTT code of
the service) and `recorder` (the streams -> PostgreSQL). Nothing here decides what is dangerous: that is `rules`.
"""
