"""Chaos: the plan, the faults, the judge and the report; `run` does it all."""

from imglab.ops.chaos.campaign import run

__all__ = ["run"]
