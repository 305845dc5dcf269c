"""What this process uses: memory, threads, tasks. Every process tells it in its telemetry, so that
what grows is seen before it is too big."""

import asyncio
import os
from pathlib import Path

from protocol.messages import ProcessReading

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def vitals() -> ProcessReading:
    """Of this process, now. Zeros where the system does not tell (no /proc). Called on the event
    loop whose tasks are counted."""
    rss_mb, threads = 0.0, 0
    try:
        fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
        rss_mb, threads = int(fields[21]) * PAGE_BYTES / 1e6, int(fields[17])
    except OSError:
        pass
    return ProcessReading(round(rss_mb, 1), threads, len(asyncio.all_tasks()))
