"""Findings become cases that end in a human outcome: who is told, when, and what they did.

Start at `alert` (what an alert is), `lifecycle` (what happens to it) and `ladder` (who is told when nobody
answers), then `desk` (all open alerts, pure). Everything an alert ever was is its list of `events`.
`worker`, `notify`, `channels` and `commands` are the shells: they own the stream, the clock and the network.
Words, codes, scripts and ladders are data beside the code: `*.yaml`.
"""
