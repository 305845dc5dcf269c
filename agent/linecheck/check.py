"""A line check at a site, from the order to the answer: about seven seconds, and the wait for its
turn with the bandwidth.

Rules:
- It changes nothing in what the site sends and shows; nobody hears anything of it elsewhere.
- It ends at once when the order is withdrawn or the microphone opens.
- An order is carried out once; the answer is told again after the server was away.
"""

import asyncio
import shutil
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import msgspec

from agent.devices import Pcm
from agent.linecheck import sight, sound
from agent.linecheck.ends import Ear, Mouth
from agent.linecheck.prober import Prober
from agent.picture.vp8 import Yuv
from protocol import messages as m

LISTEN_S = 1.5
TAIL_S = 1.2
LOOKS, LOOK_EVERY_S = 5, 1.1
STEP_S = 0.05
SMALL_S = 7.0
TURN_S, TURNS_S = 1.4, 21.0
"""A site's turn with the bandwidth; so long at most for all of them."""

FRAME_S = 0.02

Glance = Callable[[float], Yuv | None]


class SiteCheck:
    """`send` brings a probe up the uplink, `has_media` tells whether there is one, `is_live`
    whether the site is heard. `tell` is given the answer. Without `ear` and `mouth` the room is
    not measured."""

    def __init__(
        self,
        *,
        send: Callable[[bytes], object],
        glance: Glance,
        has_media: Callable[[], bool],
        is_live: Callable[[], bool],
        tell: Callable[[m.Checked], object],
        ear: Ear | None = None,
        mouth: Mouth | None = None,
        folder: Path | None = None,
    ) -> None:
        self.prober = Prober(send)
        self._glance = glance
        self._has_media = has_media
        self._is_live = is_live
        self._tell = tell
        self._ear = ear
        self._mouth = mouth
        self._folder = folder
        self._order: m.CheckOrder | None = None
        self._answer: m.Checked | None = None
        self._changed = asyncio.Event()

    def ask(self, order: m.CheckOrder | None) -> None:
        """What the server wants of us now."""
        if order != self._order:
            self._order = order
            self._changed.set()

    def tell_again(self) -> None:
        """The server is back: it may not have got the answer."""
        if self._answer is not None and self._wants(self._answer.check):
            self._tell(self._answer)

    def _wants(self, ident: str) -> bool:
        return self._order is not None and self._order.id == ident

    async def run(self) -> None:
        """Carry out orders until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            order = self._order
            if order is None or (self._answer is not None and self._answer.check == order.id):
                continue
            figures = await self._carry_out(order)
            if self._wants(order.id) and not self._is_live():
                self._answer = m.Checked(order.id, figures)
                self._tell(self._answer)

    async def _carry_out(self, order: m.CheckOrder) -> m.LineFigures:
        began = time.monotonic()

        def wanted() -> bool:
            return self._wants(order.id) and not self._is_live()

        has_media = self._has_media()
        try:
            async with asyncio.TaskGroup() as group:
                room = group.create_task(self._measure_room(wanted))
                camera = group.create_task(self._watch_camera(wanted))
                line = m.LineFigures()
                if has_media:
                    line = await self.prober.measure(wanted, gentle=order.gentle)
        finally:
            self._leave_room()
        up = down = burst = None
        if has_media and line.probes and not order.gentle:
            turn_s = min(TURN_S, TURNS_S / max(1, order.turns))
            await _until(began + SMALL_S + order.turn * turn_s, wanted)
            up, down = await self.prober.measure_rates(wanted)
            burst = None if up is None else 2000.0
        heard = room.result()
        return msgspec.structs.replace(
            line,
            media=has_media and self._has_media(),
            up_kbps=up,
            down_kbps=down,
            burst_kbps=burst,
            tone_played=heard.tone_played,
            tone_dbov=heard.tone_dbov,
            noise_dbov=heard.noise_dbov,
            peak_dbov=heard.peak_dbov,
            clipped_percent=heard.clipped_percent,
            camera=camera.result(),
            free_mb=_free_mb(self._folder),
            version=f"giliran {version('giliran')}",
        )

    async def _measure_room(self, wanted: Callable[[], bool]) -> m.LineFigures:
        """Listen, play the tone, listen on."""
        if self._ear is None or self._mouth is None:
            return m.LineFigures()
        heard: list[tuple[float, Pcm]] = []
        self._ear.listener = lambda pcm, now: heard.append((now, pcm.copy()))
        await _until(time.monotonic() + LISTEN_S, wanted)
        if not wanted():
            return m.LineFigures()
        self._mouth.play(sound.tone())
        await _until(time.monotonic() + sound.TONE_FRAMES * FRAME_S + TAIL_S, wanted)
        self._leave_room()
        if not wanted():
            return m.LineFigures()
        began = self._mouth.began_at
        at = float("inf") if began is None else began
        return sound.sound_figures(
            [pcm for now, pcm in heard if now < at], [pcm for now, pcm in heard if now >= at]
        )

    def _leave_room(self) -> None:
        if self._ear is not None and self._mouth is not None:
            self._ear.listener = None
            self._mouth.hush()

    async def _watch_camera(self, wanted: Callable[[], bool]) -> m.CameraSeen:
        pictures = []
        for _look in range(LOOKS):
            pictures.append(self._glance(time.monotonic()))
            await _until(time.monotonic() + LOOK_EVERY_S, wanted)
            if not wanted():
                return "unknown"
        return sight.seen(pictures)


async def _until(at: float, wanted: Callable[[], bool]) -> None:
    """Wait until then, or until it is not wanted any more."""
    while wanted() and (left_s := at - time.monotonic()) > 0:
        await asyncio.sleep(min(STEP_S, left_s))


def _free_mb(folder: Path | None) -> int | None:
    """Of the disk on which our voice is kept; None when there is none."""
    while folder is not None and not folder.exists() and folder.parent != folder:
        folder = folder.parent
    if folder is None:
        return None
    try:
        return shutil.disk_usage(folder).free // 1_000_000
    except OSError:
        return None
