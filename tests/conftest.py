"""No test hangs: what takes too long is told where it stands, and ends; its tear-down too.

pytest-timeout's own alarm rings once, and not at all any more once a test has failed: a test that
failed and then closes what never ends would hang. Here each phase of a test has an alarm, which
rings again and again, since a task or a callback of an event loop may swallow what it raises.
"""

import asyncio
import contextlib
import io
import signal
import sys
import threading
import traceback
from collections.abc import Generator, Iterator
from typing import Any

import pytest

TEAR_DOWN_S = 60.0
AGAIN_S = 10.0
LIMIT = pytest.StashKey[float]()


def where_all_stand() -> str:
    """The stacks of the other threads, and of the tasks of the loop that runs in this one."""
    text = io.StringIO()
    threads = {one.ident: one.name for one in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        if ident != threading.get_ident():
            print(f"\nThread {threads.get(ident, ident)}:", file=text)
            traceback.print_stack(frame, file=text)
    loop = asyncio._get_running_loop()
    for task in asyncio.all_tasks(loop) if loop is not None else ():
        print(f"\n{task!r}", file=text)
        task.print_stack(file=text)
    return text.getvalue()


@contextlib.contextmanager
def alarm(seconds: float, what: str) -> Iterator[None]:
    """Raises pytest.fail's exception in what is done in it when that takes too long. Zero seconds,
    or a thread that gets no signals: no limit."""
    if not seconds or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_number: int, _frame: Any) -> None:
        __tracebackhide__ = True
        sys.stderr.write(where_all_stand())
        pytest.fail(f"{what} was not done in {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> bool:
    """In place of pytest-timeout's own, which says only what the limit is."""
    item.stash[LIMIT] = settings.timeout
    return True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    with alarm(item.stash.get(LIMIT, 0.0), "the set-up"):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    with alarm(item.stash.get(LIMIT, 0.0), "the test"):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    with alarm(TEAR_DOWN_S if item.stash.get(LIMIT, 0.0) else 0.0, "the tear-down"):
        return (yield)
