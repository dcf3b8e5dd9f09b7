"""Redis as redis-cli shows it, and the magics of a notebook: `%load_ext imglab.console`."""

from imglab.console.magics import load_ipython_extension, save, use

__all__ = ["load_ipython_extension", "save", "use"]
