"""How tests end what they started: never for ever."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from typing import Any

END_WITHIN_S = 15.0


async def end(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel these tasks, and wait until they ended; raises what they failed with. Raises
    AssertionError with the place where it stands for one that does not end."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=END_WITHIN_S)
    assert all(task.done() for task in tasks), where_they_stand(tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()


@contextlib.asynccontextmanager
async def closes(what: str) -> AsyncIterator[None]:
    """Raises AssertionError when what is done in it takes too long."""
    try:
        async with asyncio.timeout(END_WITHIN_S):
            yield
    except TimeoutError:
        raise AssertionError(f"not closed in {END_WITHIN_S:g} s: {what}") from None


def where_they_stand(tasks: "tuple[asyncio.Task[Any], ...]") -> str:
    text = io.StringIO(f"cancelled, and {END_WITHIN_S:g} s later not ended:\n")
    text.seek(0, io.SEEK_END)
    for task in tasks:
        if not task.done():
            print(repr(task), file=text)
            task.print_stack(file=text)
    return text.getvalue()
