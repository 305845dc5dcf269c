"""An object in a process of its own, whose coroutines are called from here.

For benches: what is measured must have its process to itself.
"""

import asyncio
import itertools
import multiprocessing
import multiprocessing.connection
from collections.abc import Callable
from typing import Any

ENDS_S = 10.0


class Child:
    """`await child.call("method", …)` of the object that `make()` makes in the other process.

    Several calls may wait at once. What is raised there is raised here.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_run, args=(other, make), daemon=True)
        self._ids = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def __aenter__(self) -> "Child":
        self._process.start()
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._read)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        asyncio.get_running_loop().remove_reader(self._pipe.fileno())
        self._pipe.close()
        await asyncio.to_thread(self._process.join, ENDS_S)
        if self._process.is_alive():
            self._process.kill()

    async def call(self, name: str, *arguments: Any) -> Any:
        """Raises what the method raises, and ConnectionError when the process is gone."""
        ident = next(self._ids)
        self._waiting[ident] = asyncio.get_running_loop().create_future()
        self._pipe.send((ident, name, arguments))
        return await self._waiting[ident]

    def _read(self) -> None:
        try:
            while self._pipe.poll():
                ident, value, error = self._pipe.recv()
                waiting = self._waiting.pop(ident)
                if waiting.done():
                    continue
                if error is None:
                    waiting.set_result(value)
                else:
                    waiting.set_exception(error)
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            for waiting in self._waiting.values():
                waiting.set_exception(ConnectionError("the child process ended"))
            self._waiting.clear()


def _run(pipe: multiprocessing.connection.Connection, make: Callable[[], Any]) -> None:
    asyncio.run(_serve(pipe, make))


async def _serve(pipe: multiprocessing.connection.Connection, make: Callable[[], Any]) -> None:
    ended = asyncio.Event()
    thing = make()

    async def answer(ident: int, name: str, arguments: tuple[Any, ...]) -> None:
        value, error = None, None
        try:
            value = await getattr(thing, name)(*arguments)
        except Exception as raised:
            error = raised
        pipe.send((ident, value, error))

    async with asyncio.TaskGroup() as group:

        def read() -> None:
            try:
                while pipe.poll():
                    group.create_task(answer(*pipe.recv()))
            except (EOFError, OSError):
                asyncio.get_running_loop().remove_reader(pipe.fileno())
                ended.set()

        asyncio.get_running_loop().add_reader(pipe.fileno(), read)
        running = group.create_task(thing.run())
        await ended.wait()
        running.cancel()
