"""Two peers in one page of a headless Chromium, as Chromium's defaults have them.

The page is `chromium.html` beside this file. It is driven by the DevTools protocol over two pipes
(`--remote-debugging-pipe`: file descriptors 3 and 4, JSON that ends in NUL), call by call.
"""

import asyncio
import base64
import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]

RATE = 48_000
PAGE = Path(__file__).with_suffix(".html")
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # root has none; the page is our own, and it loads nothing
    "--no-first-run",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--autoplay-policy=no-user-gesture-required",
    # 127.0.0.1 as a candidate, and by its number.
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--remote-debugging-pipe",
)
# Moves two descriptors to 3 and 4, and becomes the program.
LAUNCHER = "import os, sys; r, w = map(int, sys.argv[1:3]); os.dup2(r, 3); os.dup2(w, 4); \
os.execv(sys.argv[3], sys.argv[3:])"
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
TAKE_EVERY_S = 0.5
QUIT_S = 5.0


class NoChromium(Exception):
    """There is no Chromium on this machine."""


class ChromiumError(Exception):
    """The browser or its page did not do what it was asked to."""


def find() -> str:
    """The path of a Chromium. Raises NoChromium."""
    for name in NAMES:
        path = shutil.which(name)
        if path is not None:
            return path
    raise NoChromium("no chromium on this machine: apt install chromium")


class Browser:
    """A running Chromium and its one page. One call at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._count = 0
        self._session: str | None = None

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """One call of the protocol and its result. Raises ChromiumError."""
        self._count += 1
        request: dict[str, object] = {"id": self._count, "method": method, "params": parameters}
        if self._session is not None:
            request["sessionId"] = self._session
        try:
            self._writer.write(json.dumps(request).encode() + b"\0")
            await self._writer.drain()
            while True:
                answer = json.loads((await self._reader.readuntil(b"\0"))[:-1])
                if answer.get("id") == self._count:
                    break
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:
            raise ChromiumError(f"chromium ended during {method}") from error
        if "error" in answer:
            raise ChromiumError(f"chromium refused {method}: {answer['error'].get('message')}")
        return answer["result"]

    async def open(self, page: Path) -> None:
        """Open a page of this machine, to be talked to from now on."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        self._session = attached["sessionId"]
        arrived = await self.call("Page.navigate", url=page.as_uri())
        if "errorText" in arrived:
            raise ChromiumError(f"chromium can't open {page}: {arrived['errorText']}")
        await self.evaluate(
            "document.readyState === 'complete' || new Promise((resolve) => addEventListener("
            "'load', resolve)).then(() => true)"
        )

    async def evaluate(self, script: str) -> Any:
        """The value of an expression in the page, waited for. Raises ChromiumError."""
        result = await self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in result:
            what = result["exceptionDetails"]
            text = what.get("exception", {}).get("description") or what.get("text")
            raise ChromiumError(f"chromium: {str(text).splitlines()[0]}")
        return result["result"].get("value")


def _pipe() -> tuple[int, int]:
    """Both ends of a pipe, out of the way of 3 and 4."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return moved[0], moved[1]


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A Chromium with a profile of its own, gone with it afterwards. Raises NoChromium."""
    path = find()
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="giliran-chromium-", ignore_cleanup_errors=True)
        )
        its_in, our_out = _pipe()
        our_in, its_out = _pipe()
        reader = asyncio.StreamReader(limit=MAX_MESSAGE_BYTES)
        incoming, _protocol = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(our_in, "rb", 0)
        )
        outgoing, flow = await loop.connect_write_pipe(
            asyncio.streams.FlowControlMixin, os.fdopen(our_out, "wb", 0)
        )
        stack.callback(incoming.close)
        stack.callback(outgoing.close)
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", "-c", LAUNCHER, str(its_in), str(its_out)),
                *(path, *FLAGS, f"--user-data-dir={folder}", "about:blank"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                pass_fds=(its_in, its_out),
                start_new_session=True,
            )
        finally:
            os.close(its_in)
            os.close(its_out)
        one = Browser(reader, asyncio.StreamWriter(outgoing, flow, reader, loop))
        try:
            yield one
        finally:
            # Its helpers are in its process group; it has nothing to save.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(QUIT_S):
                    await process.wait()


class ChromiumPeers:
    """Sender and receiver in one page; what is spoken and heard is recorded on one clock."""

    def __init__(self, page: Browser, software: str) -> None:
        self.software = software
        self._page = page

    async def offer(self) -> str:
        """The sender's description, all candidates inside."""
        return str(await self._page.evaluate("offer()"))

    async def answer(self, offer: str) -> str:
        """The receiver's description."""
        return str(await self._page.evaluate(f"answer({json.dumps(offer)})"))

    async def accept(self, answer: str) -> None:
        """Give the receiver's description to the sender."""
        await self._page.evaluate(f"accept({json.dumps(answer)}).then(() => null)")

    async def wait_connected(self) -> None:
        """Return once both are connected. Raises ChromiumError when they can't be."""
        await self._page.evaluate("connected().then(() => null)")

    async def talk(self, speech: Pcm, seconds: float) -> Pcm:
        """Speak (mono, looped), and give what was spoken and heard: samples × 2."""
        await self._page.evaluate(f'talk("{base64.b64encode(speech.tobytes()).decode()}")')
        wanted = round(seconds * RATE) * 4
        recorded = bytearray()
        while len(recorded) < wanted:
            await asyncio.sleep(TAKE_EVERY_S)
            recorded += base64.b64decode(await self._page.evaluate("take()"))
        return np.frombuffer(bytes(recorded[:wanted]), dtype=np.int16).reshape(-1, 2)


@contextlib.asynccontextmanager
async def peers() -> AsyncIterator[ChromiumPeers]:
    """A Chromium and two peers in it. Raises NoChromium, ChromiumError."""
    async with browser() as one:
        product = str((await one.call("Browser.getVersion"))["product"])
        # Who may use a microphone may see all addresses of the machine.
        await one.call("Browser.grantPermissions", permissions=["audioCapture"])
        await one.open(PAGE)
        yield ChromiumPeers(one, f"Chromium {product.partition('/')[2] or product}")
