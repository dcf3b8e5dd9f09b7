"""Where pictures are read and written; knows nothing of queues and of filters."""

from imglab.storage.base import Storage
from imglab.storage.choice import storage_for
from imglab.storage.folders import Folders

__all__ = ["Folders", "Storage", "storage_for"]
