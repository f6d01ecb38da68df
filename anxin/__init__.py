"""Puts the house together: settings, embedded parts, wiring, command line. Imported by nobody.

Start at `cli` (what a person can ask for), then `wiring` (what is built from what). `settings` is the
only reader of the environment; `embedded` and `supervisor` run the broker, the stream and the database
as children when no addresses of real ones are configured.
"""
