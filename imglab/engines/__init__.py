"""The same tasks on queues that others made: Celery and Dask. Each is an extra."""

from imglab.engines.engine import ENGINES, Engine, check_engine, follow, open_engine

__all__ = ["ENGINES", "Engine", "check_engine", "follow", "open_engine"]
