"""Turns reports into findings. Start at engine.py; what we watch for is in catalog/.

`conditions` is the small language rules are written in, `catalog` reads and checks the rule files,
`homes`, `episodes`, `presses` and `dark` are the parts of the engine: whom it watches, how a rule moves on, what
happens in a moment, homes that are not heard. `live` is a home at work, `view` what a condition sees of it,
`signs` who moved where and when. `limits` finds the parameters in force for one home, `memory` is what
the engine remembers, `windows` is the wall clock of the community, `words` says it in Chinese and English,
`stories` proves a rule by example, `zones` tells the story again where clocks change, `trial` tries a changed rule or
limit on the past, `worker` is the shell that runs the engine on the stream.
"""
