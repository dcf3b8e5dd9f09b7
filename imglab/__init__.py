"""A task queue on Redis, image filters, and the workers that bring the two together.

What a user needs is here: `from imglab import RedisTaskQueue, WorkerPool, FilterPipeline`. Each
name is loaded when it is asked for, so `import imglab` alone loads neither Pillow nor redis.
"""

from typing import TYPE_CHECKING

from imglab.lazy import offer

if TYPE_CHECKING:
    from imglab.errors import (
        FilterError,
        ImageError,
        ImagingError,
        ImglabError,
        LeaseLost,
        NoSuchTask,
        QueueError,
        QueueUnavailable,
        ResourceExhausted,
        SettingsWarning,
        TaskCancelled,
        TaskError,
        TaskExists,
        TaskFailed,
    )
    from imglab.imaging import (
        BaseFilter,
        BatchProcessor,
        BatchReport,
        BlurFilter,
        BrightnessFilter,
        EdgesFilter,
        FilterFactory,
        FilterPipeline,
        GrayscaleFilter,
        InvertFilter,
        MedianFilter,
        SharpenFilter,
        number,
        open_image,
        save_image,
    )
    from imglab.queues import (
        PRIORITIES,
        QueueSettings,
        QueueStats,
        RedisTaskQueue,
        Task,
        TaskQueue,
    )
    from imglab.workers import (
        RedisWorker,
        Worker,
        WorkerPool,
    )
else:
    # A type checker must not see it: it would take any name for one of ours.
    __getattr__, __dir__ = offer(
        __name__,
        {
            "PRIORITIES": "imglab.queues",
            "BaseFilter": "imglab.imaging",
            "BatchProcessor": "imglab.imaging",
            "BatchReport": "imglab.imaging",
            "BlurFilter": "imglab.imaging",
            "BrightnessFilter": "imglab.imaging",
            "EdgesFilter": "imglab.imaging",
            "FilterError": "imglab.errors",
            "FilterFactory": "imglab.imaging",
            "FilterPipeline": "imglab.imaging",
            "GrayscaleFilter": "imglab.imaging",
            "ImageError": "imglab.errors",
            "ImagingError": "imglab.errors",
            "ImglabError": "imglab.errors",
            "InvertFilter": "imglab.imaging",
            "LeaseLost": "imglab.errors",
            "MedianFilter": "imglab.imaging",
            "NoSuchTask": "imglab.errors",
            "QueueError": "imglab.errors",
            "QueueSettings": "imglab.queues",
            "QueueStats": "imglab.queues",
            "QueueUnavailable": "imglab.errors",
            "ResourceExhausted": "imglab.errors",
            "RedisTaskQueue": "imglab.queues",
            "RedisWorker": "imglab.workers",
            "SettingsWarning": "imglab.errors",
            "SharpenFilter": "imglab.imaging",
            "Task": "imglab.queues",
            "TaskCancelled": "imglab.errors",
            "TaskError": "imglab.errors",
            "TaskExists": "imglab.errors",
            "TaskFailed": "imglab.errors",
            "TaskQueue": "imglab.queues",
            "Worker": "imglab.workers",
            "WorkerPool": "imglab.workers",
            "number": "imglab.imaging",
            "open_image": "imglab.imaging",
            "save_image": "imglab.imaging",
        },
    )

__all__ = [
    "PRIORITIES",
    "BaseFilter",
    "BatchProcessor",
    "BatchReport",
    "BlurFilter",
    "BrightnessFilter",
    "EdgesFilter",
    "FilterError",
    "FilterFactory",
    "FilterPipeline",
    "GrayscaleFilter",
    "ImageError",
    "ImagingError",
    "ImglabError",
    "InvertFilter",
    "LeaseLost",
    "MedianFilter",
    "NoSuchTask",
    "QueueError",
    "QueueSettings",
    "QueueStats",
    "QueueUnavailable",
    "RedisTaskQueue",
    "RedisWorker",
    "ResourceExhausted",
    "SettingsWarning",
    "SharpenFilter",
    "Task",
    "TaskCancelled",
    "TaskError",
    "TaskExists",
    "TaskFailed",
    "TaskQueue",
    "Worker",
    "WorkerPool",
    "__version__",
    "number",
    "open_image",
    "save_image",
]

#: The one place that says it: a build reads it from here.
__version__ = "0.1.0"
