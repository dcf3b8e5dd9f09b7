"""`python -m hosts.loop FOLDER START STEP`: the same work without a queue, in a plain loop.

It does every STEP-th picture of a folder of images/, from number START on, and prints how many a
second it did, and the µs of processor that each took; its own start does not count.
"""

from __future__ import annotations

import sys
import time

from hosts.measured import FILTERS
from imglab.imaging import FilterPipeline
from imglab.project import project_root
from imglab.storage import Folders
from imglab.workers.photograph import filter_photograph


def main() -> None:
    folder, start, step = sys.argv[1:]
    pipeline = FilterPipeline.parse(FILTERS)
    folders = Folders.of_project()
    names = sorted(path.name for path in (project_root() / "images" / folder).iterdir())
    mine = names[int(start) :: int(step)]
    began = time.perf_counter()
    busy = time.process_time()
    for name in mine:
        filter_photograph({"image_path": f"images/{folder}/{name}"}, pipeline, folders)
    rate = len(mine) / (time.perf_counter() - began)
    print(rate, (time.process_time() - busy) / len(mine) * 1e6)


if __name__ == "__main__":
    main()
