"""What can be measured: quantities, kinds of devices, and the dialects they speak. Pure data and pure functions.

Start at `quantities` (unit, range, nature of each), then `kinds` (what a smoke detector is), then
`codecs` (bytes of a message -> readings).
"""
