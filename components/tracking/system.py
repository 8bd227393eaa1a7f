"""System metrics, under the names MLflow itself gives them."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from stillhouse.components.tracking import settings

MEGABYTE = 1e6


class SystemSampler:
    """A thread that measures CPU, memory, disk and network of this machine every few seconds.

    `write` takes the values and the number of the sample; `first` is the number to begin with, so that a
    retried step goes on counting.
    """

    def __init__(self, write: Callable[[dict[str, float], int], None], first: int) -> None:
        self._write = write
        self._number = first
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="system-metrics", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        import psutil

        psutil.cpu_percent()  # the first call has nothing to compare with and answers 0
        network = psutil.net_io_counters()
        while not self._ended.wait(settings.SYSTEM_SECONDS):
            memory, disk, now = psutil.virtual_memory(), psutil.disk_usage("/"), psutil.net_io_counters()
            values = {
                "cpu_utilization_percentage": psutil.cpu_percent(),
                "system_memory_usage_megabytes": memory.used / MEGABYTE,
                "system_memory_usage_percentage": memory.percent,
                "disk_usage_percentage": disk.percent,
                "disk_usage_megabytes": disk.used / MEGABYTE,
                "disk_available_megabytes": disk.free / MEGABYTE,
                "network_receive_megabytes": (now.bytes_recv - network.bytes_recv) / MEGABYTE,
                "network_transmit_megabytes": (now.bytes_sent - network.bytes_sent) / MEGABYTE,
            }
            self._write({f"system/{name}": value for name, value in values.items()}, self._number)
            self._number += 1
