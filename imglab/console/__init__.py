"""Redis as redis-cli shows it, and the magics of a notebook: `%load_ext imglab.console`.

Each name is loaded when it is asked for: who only saves a file loads no redis.
"""

from typing import TYPE_CHECKING

from imglab.lazy import offer

if TYPE_CHECKING:
    from imglab.console.magics import load_ipython_extension, save, use
else:
    # A type checker must not see it: it would take any name for one of ours.
    __getattr__, __dir__ = offer(
        __name__,
        {
            "load_ipython_extension": "imglab.console.magics",
            "save": "imglab.console.magics",
            "use": "imglab.console.magics",
        },
    )

__all__ = ["load_ipython_extension", "save", "use"]
