"""One command given without a console: to the running server, or straight to the journal.

The server is the journal's one writer. When it runs, the command goes to it; when it does not,
its lock is taken for as long as the command is written. Never both: who holds the lock writes.
"""

import asyncio
import os
import time
from pathlib import Path

import msgspec

from console.journal import Journal, JournalError
from console.meeting.decide import decide
from console.meeting.fold import replay
from console.meeting.refusal import Refusal
from console.places import socket_path
from protocol import VERSION
from protocol import messages as m
from protocol.commands import ModeratorCommand
from protocol.ids import uuid7
from protocol.link import Incoming, Link, LinkDown, LinkUp
from protocol.words import _

ANSWER_TIMEOUT_S = 15.0


class GivingError(Exception):
    """The command could not be given; the text says why."""


class Refused(GivingError):
    """The rules say no. `code` and `arguments` are what a translation is made from."""

    def __init__(self, code: str, reason: str, arguments: dict[str, str | int]) -> None:
        super().__init__(reason)
        self.code, self.arguments = code, arguments


class Given(msgspec.Struct, frozen=True):
    """The command is on the disk. `seq` is the journal's last event then; `by_server` tells who
    wrote it."""

    seq: int
    by_server: bool


def give(db: Path, meeting: str, command: ModeratorCommand) -> Given:
    """Carry out `command`, which is about `meeting` (a whole id), in the journal `db`.

    Raises GivingError, Refused and JournalError.
    """
    from console.serving import ServeError, lock  # heavy, and needed only now

    try:
        held = lock(db)
    except ServeError:
        return asyncio.run(_ask_server(socket_path(db), command))
    try:
        return _write(db, meeting, command)
    finally:
        os.close(held)


def _write(db: Path, meeting: str, command: ModeratorCommand) -> Given:
    journal = Journal(db)
    try:
        if damage := journal.verify():
            raise JournalError(f"{db}: event {damage.seq} {damage.what}")
        before = replay(journal.read(meeting))
        now, ident = time.time_ns() // 1_000_000, uuid7()
        decision = decide(before, command, now, ident, uuid7())
        if isinstance(decision, Refusal):
            raise Refused(decision.code, decision.reason, decision.arguments)
        journal.append_now(before, meeting, now, "moderator", ident, decision)
        return Given(journal.seq, by_server=False)
    finally:
        journal.close()


async def _ask_server(path: Path, command: ModeratorCommand) -> Given:
    frame = m.Command(uuid7(), command)
    answer: asyncio.Future[m.Ack | m.Refused] = asyncio.get_running_loop().create_future()
    trouble = ""

    def receive(message: Incoming) -> None:
        nonlocal trouble
        match message:
            case LinkUp():
                link.send(frame)
            case LinkDown(reason=reason):
                trouble = reason
            case m.Ack(id=ident) | m.Refused(id=ident):
                if ident == frame.id and not answer.done():
                    answer.set_result(message)
            case _:
                pass

    link = Link(f"unix:{path}", lambda: m.Hello("moderator", VERSION, software="cli"), receive)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(link.run())
        await asyncio.wait([answer], timeout=ANSWER_TIMEOUT_S)
        running.cancel()
    if not answer.done():
        raise GivingError(_("the server does not answer: {why}").format(why=trouble or path))
    answered = answer.result()
    if isinstance(answered, m.Refused):
        raise Refused(answered.code, answered.reason, dict(answered.arguments))
    return Given(answered.seq, by_server=True)
