"""A BELIEVABLE WORLD to develop, train, test and demonstrate with.

Start at `world.World(site, seed=…, start=…).events(until)`: a pure, seeded stream of what the devices of a
community publish. `community` invents the community, `resident` a person's day, `home` what the sensors of
a flat make of it, `scenarios` what goes wrong (with the truth of it), `faults` what the radio does to it.
`run` is the only shell: it publishes the world to a real broker.

The pretend world does not know how it is judged: it imports `care` (and may import `devices`), never the
services.
"""
