"""The words every package shares; imports nothing of ours.

Start at `words` (levels, states, roles), then `messages` (what travels on the stream) and `site`
(places, people and devices). `stream` is the port behind which NATS JetStream or memory stands.
"""
