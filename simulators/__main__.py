"""`python -m simulators`: the same as `anxin simulate`."""

from simulators.cli import app

app(prog_name="simulators")
