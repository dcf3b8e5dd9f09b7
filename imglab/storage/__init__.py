"""Where pictures are read and written; knows nothing of queues and of filters."""

from imglab.storage.folders import Folders

__all__ = ["Folders"]
