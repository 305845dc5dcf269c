"""`giliran agent`: one site's daemon. It makes its actual state equal to the desired state.

Rules:
- No decisions: the server's Desired says what is open, what is shown, which relay to use.
- The microphone gate is the last thing before the encoder: a muted site encodes and sends nothing.
- "Connected" means that media passes, both ways on both links, which is asked (`agent.pulse`); what
  does not is made anew in place, for ever. The turn is the server's and stays meanwhile.
- No failure of a connection ends the agent, and none makes it wait for something that never comes.
- A fresh process, and a fresh connection, starts muted; only a Desired opens it.
- Losing the server changes nothing in what is sent and shown.
"""

import asyncio
import contextlib
import logging
import math
import os
import random
import signal
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from platformdirs import user_state_path

from agent import devices, lines, rtcp
from agent.announce import Announcement
from agent.attempt import Attempt
from agent.clock import Rounds
from agent.impair import Direction, Impairment
from agent.linecheck.check import SiteCheck
from agent.linecheck.ends import Ear, Mouth
from agent.picture.small import jpeg
from agent.pulse import Flow
from agent.receiver import Receiver
from agent.recording.later import Kept
from agent.recording.spool import Spool
from agent.room import Room
from agent.rtc import Connection
from agent.sender import Sender
from protocol import VERSION
from protocol import commands as c
from protocol import messages as m
from protocol.binary import Later, Preview
from protocol.ids import uuid7
from protocol.link import Incoming, Link, LinkDown, LinkUp
from protocol.vitals import vitals
from protocol.words import use_language

log = logging.getLogger("giliran.agent")

FIRST_DELAY_S = 0.2
LAST_DELAY_S = 4.0
LOOK_EVERY_S = 0.1
TELEMETRY_EVERY_S = 0.5
PREVIEW_TICK_S = 0.25
PREVIEW_SELDOM = 5
REPORT_EVERY_S = 1.0
LATER_EVERY_S = 0.2
KEEP_ALONE_S = 120.0
CLOCKS_DIFFER_S = 2.0


class Site:
    """The agent of one site."""

    def __init__(
        self,
        site: str,
        server: str,
        sender: Sender,
        receiver: Receiver,
        *,
        announcement: Announcement | None = None,
        spool: Spool | None = None,
        loopback: bool = True,
        impairment: Impairment | None = None,
        ear: Ear | None = None,
        mouth: Mouth | None = None,
    ) -> None:
        self.site = site
        self.instance = uuid7()
        self.desired: m.Desired | None = None
        self.sender = sender
        self.receiver = receiver
        self._announcement = announcement
        self._spool = spool
        self._clock_s = time.time() - time.monotonic()
        self._down_at: float | None = None
        self._link = Link(server, self._hello, self._receive)
        self._check = SiteCheck(
            send=self._send_control,
            glance=sender.pictures.glance,
            has_media=lambda: self._attempt is not None and self._attempt.carries,
            is_live=lambda: self.sender.microphone_open,
            tell=self._link.send,
            ear=ear,
            mouth=mouth,
            folder=None if spool is None else spool.folder,
        )
        self._loopback = loopback
        self._impairment = impairment
        self._directions: dict[str, Direction] = {}
        self._emulated = 0
        self._is_cut = False
        self._attempt: Attempt | None = None
        self._wake = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._actual: m.Actual | None = None
        self._trouble = ""
        self._cpu = (time.process_time(), time.monotonic())
        self._bytes = (0, 0)
        self._look_at = math.inf
        self._previewed_at = -math.inf
        self._rounds = Rounds()
        self._has_reported = False
        self._rounds.every(REPORT_EVERY_S / 2, self._report_or_probe)
        self._rounds.every(TELEMETRY_EVERY_S, self._tell)
        self._rounds.every(LATER_EVERY_S, self._send_later)
        self._rounds.every(PREVIEW_TICK_S, self._show_preview)

    async def run(self) -> None:
        """Serve the site until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._link.run())
            group.create_task(self._keep_connected())
            group.create_task(self.sender.run(self._send_media))
            group.create_task(self.receiver.run(self._ask, self._fetch, self._tend))
            group.create_task(self._check.run())

    # -- control ---------------------------------------------------------------------------------

    def _hello(self) -> m.Hello:
        return m.Hello(
            "agent",
            VERSION,
            site=self.site,
            instance=self.instance,
            software=f"giliran {version('giliran')}",
            pid=os.getpid(),
        )

    def _receive(self, message: Incoming) -> None:
        match message:
            case m.Desired():
                self._take_desired(message)
            case m.Signal():
                self._take_signal(message)
            case LinkUp(welcome=welcome):
                log.info("server found")
                self._down_at = None
                clock_s = welcome.time / 1000 - time.monotonic()
                if abs(clock_s - self._clock_s) > CLOCKS_DIFFER_S:
                    self._clock_s = clock_s
                self._actual = None
                self._check.tell_again()
                if self._attempt is not None and not self._attempt.connected:
                    # What it waits for was said to a server that is gone.
                    self._attempt.failed = "the server is back"
                    self._wake.set()
            case LinkDown(reason=reason, retry_in_s=retry_in_s):
                log.info("server lost: %s; next try in %.1f s", reason, retry_in_s)
                self._down_at = self._down_at or time.monotonic()
            case m.Kept(ssrc=ssrc, runs=runs):
                if self._spool is not None:
                    self._spool.confirm(ssrc, runs)
            case m.Refused(reason=reason):
                log.warning("refused: %s", reason)
            case _:
                pass

    def _take_desired(self, desired: m.Desired) -> None:
        self.desired = desired
        self.sender.microphone_open = desired.microphone == "live"
        self.sender.camera = desired.camera
        self.sender.set_modes(desired.media, hurried=desired.hurried)
        self.receiver.mode = desired.voice
        self.receiver.volume = desired.volume
        self.receiver.labels = desired.labels
        # Its own picture and voice never come back to it.
        others = {slot: site for slot, site in desired.slots.items() if site != self.site}
        self.receiver.sources = others
        self.receiver.banner = desired.banner
        if self._announcement is not None:
            self._announcement.recording = desired.recording
        is_kept = desired.recording and desired.microphone == "live" and self._spool is not None
        self.sender.keep = self._keep if is_kept else None
        self.receiver.cue = desired.cue
        self._check.ask(desired.check)
        self._wake.set()
        self.say_actual()

    def say_actual(self) -> None:
        """Tell the server our state when it is not what we told last."""
        desired = self.desired
        if desired is None:
            return
        attempt = self._attempt
        uplink = _state(attempt, "uplink")
        camera, lack = self.sender.pictures.actual(time.monotonic())
        if uplink != "up" and camera != "off":
            camera, lack = "off", "link"
        actual = m.Actual(
            revision=desired.revision,
            microphone="live" if self.sender.microphone_open else "muted",
            camera=camera,
            uplink=uplink,
            downlink=_state(attempt, "downlink"),
            hearing=self.receiver.hearing(),
            seeing=self.receiver.seeing(),
            trouble=self._trouble,
            cue=self.receiver.cue,
            lack=lack,
        )
        if actual != self._actual and self._link.send(actual):
            self._actual = actual

    def toggle_hand(self) -> None:
        """Raise or lower our hand (SIGUSR1: what a push button at the site is wired to)."""
        is_up = self.desired is not None and self.desired.hand
        body = c.LowerHand(self.site) if is_up else c.RaiseHand(self.site)
        self._link.send(m.Command(uuid7(), body))

    # -- connections -----------------------------------------------------------------------------

    async def _keep_connected(self) -> None:
        """Have a living attempt with the relay that Desired names; make a new one when not."""
        delay_s, failures = FIRST_DELAY_S, 0
        while True:
            attempt = self._attempt
            why = self._why_again(attempt)
            if why:
                if attempt is not None:
                    log.info("connecting anew: %s", why)
                    self._give_up(attempt, why)
                    failures = 0 if attempt.has_answered else failures + 1
                relay = self.desired.relay if self.desired is not None else ""
                if relay:
                    await self._begin(relay, failures)
                    delay_s = min(LAST_DELAY_S, delay_s * 2)
            elif attempt is not None:
                attempt.ask(self.sender.audio_ssrc)
                if attempt.carries:
                    delay_s, failures = FIRST_DELAY_S, 0
                    self._trouble = ""
            self.say_actual()
            wait_s = LOOK_EVERY_S if not why else random.uniform(0.05, delay_s)
            self._wake.clear()
            self._look_at = time.monotonic() + wait_s
            await self._wake.wait()

    def _why_again(self, attempt: Attempt | None) -> str:
        """Why a new attempt is needed; empty when none is."""
        desired = self.desired
        if attempt is None:
            return "none yet" if desired is not None and desired.relay else ""
        if desired is not None and desired.relay and desired.relay != attempt.relay:
            return "another relay"
        return attempt.why_over()

    def _give_up(self, attempt: Attempt, why: str) -> None:
        """Have no connection; the old one is closed beside, however long that takes."""
        assert self._group is not None
        self._trouble = why
        self._attempt = None
        self.say_actual()
        self._group.create_task(self._close(attempt))

    @staticmethod
    async def _close(attempt: Attempt) -> None:
        try:
            await attempt.close()
        except (OSError, ConnectionError) as error:
            log.info("an old connection was left as it is: %r", error)

    async def _begin(self, relay: str, failures: int) -> None:
        attempt = Attempt(relay, failures)
        self._attempt = attempt
        self.sender.restart()
        self.receiver.restart()
        try:
            attempt.uplink = self._connection(attempt, "uplink")
            offer = await attempt.uplink.offer(
                lines.uplink(self.sender.audio_ssrc, *self.sender.video_ssrcs)
            )
        except (ValueError, OSError, ConnectionError) as error:
            attempt.failed = f"no offer could be made: {error}"
            return
        self._link.send(m.Signal("relay", attempt.id, "uplink", "offer", offer))

    def _take_signal(self, message: m.Signal) -> None:
        assert self._group is not None
        attempt = self._attempt
        if attempt is None or message.attempt != attempt.id:
            return
        if message.kind == "bye":
            attempt.failed = "the relay refused"
        else:
            self._group.create_task(self._negotiate(attempt, message))

    async def _negotiate(self, attempt: Attempt, message: m.Signal) -> None:
        try:
            if message.link == "uplink" and attempt.uplink is not None:
                await attempt.uplink.accept(message.description)
            elif message.link == "downlink":
                attempt.downlink = self._connection(attempt, "downlink")
                answer = await attempt.downlink.answer(message.description)
                self._link.send(m.Signal("relay", attempt.id, "downlink", "answer", answer))
        except (ValueError, OSError, ConnectionError) as error:
            attempt.failed = f"negotiation failed: {error}"

    def _connection(self, attempt: Attempt, which: str) -> Connection:
        uplink = which == "uplink"

        def on_rtp(packet: bytes, arrival: float) -> None:
            attempt.heard(which, arrival)
            if not uplink and attempt is self._attempt:
                self.receiver.take(packet, arrival)

        def on_rtcp(packet: bytes, arrival: float) -> None:
            if attempt is not self._attempt:
                return
            if self._check.prober.take(packet, arrival):
                attempt.heard(which, arrival)
                return
            attempt.take_rtcp(which, parsed := rtcp.parse(packet), arrival)
            if uplink:
                self.sender.take_rtcp(packet, arrival)
                self.receiver.rtt_ms = self.sender.rtt_ms
                self._compare_uplink(attempt, parsed, arrival)
            else:
                self.receiver.take_rtcp(packet, arrival)
                self._compare_downlink(attempt, parsed, arrival)

        def on_state(state: str) -> None:
            log.info("%s %s", which, state)
            if state == "connected":
                attempt.opened(which)
            if state in ("failed", "closed") and attempt is self._attempt:
                attempt.failed = attempt.failed or f"{which} {state}"
            self._wake.set()

        return Connection(
            loopback=self._loopback,
            on_rtp=on_rtp,
            on_rtcp=on_rtcp,
            on_state=on_state,
            impairment=self._impaired(uplink),
        )

    def _compare_uplink(self, attempt: Attempt, parsed: list[rtcp.Rtcp], arrival: float) -> None:
        """What the relay says it got, with what was sent."""
        for one in parsed:
            if isinstance(one, rtcp.ReceiverReport) and one.reports:
                arrived = self.sender.arrived(one.reports)
                attempt.up_flow.said(self.sender.sent, arrived, arrival)

    def _compare_downlink(self, attempt: Attempt, parsed: list[rtcp.Rtcp], arrival: float) -> None:
        """What the relay says was sent in the slots of sound, with what came. Our own voice never
        comes back to us."""
        for one in parsed:
            if not isinstance(one, rtcp.SenderReport):
                continue
            came = self.receiver.came(one.ssrc)
            if came is None or self.desired is None:
                continue
            slot: Any = lines.SLOT_OF_SSRC[one.ssrc]
            flow = attempt.down_flows.setdefault(slot, Flow())
            if self.desired.slots.get(slot) in (None, self.site):
                flow.reset()
            else:
                flow.said(one.packets, came, arrival)

    def _impaired(self, uplink: bool) -> tuple[Direction, Direction] | None:
        """Emulated directions out and in, each with a salt of its own (rehearsal only)."""
        if self._impairment is None:
            return None
        self._emulated += 1
        which = "uplink" if uplink else "downlink"
        name = f"{self.site}/{'up' if uplink else 'down'}/{self._emulated}"
        pair = (
            Direction(self._impairment, f"{name}/out"),
            Direction(self._impairment, f"{name}/in"),
        )
        for way, direction in zip(("out", "in"), pair, strict=True):
            direction.cut = self._is_cut
            self._directions[f"{which}-{way}"] = direction
        return pair

    def cut(self, is_cut: bool) -> None:
        """Cut or mend the emulated cable."""
        if self._impairment is None:
            raise ValueError("only an agent started with --impair has a cable to cut")
        self._is_cut = is_cut
        for direction in self._directions.values():
            direction.cut = is_cut

    def change_link(self, impairment: Impairment) -> None:
        """The emulated link is another one from now on."""
        self._impairment = impairment
        for direction in self._directions.values():
            direction.change(impairment)

    def break_one_way(self, way: str) -> None:
        """Let nothing pass any more one way (`uplink-out`, `uplink-in`, `downlink-out`,
        `downlink-in`) of the connection there is now, as a router does that forgot it; a new one
        is whole."""
        if way in self._directions:
            self._directions[way].cut = True

    # -- media and reports -----------------------------------------------------------------------

    def _send_media(self, packet: bytes) -> None:
        attempt = self._attempt
        if attempt is not None and attempt.uplink is not None:
            attempt.uplink.send_rtp(packet)

    def _send_control(self, packet: bytes) -> None:
        attempt = self._attempt
        if attempt is not None and attempt.uplink is not None:
            attempt.uplink.send_rtcp(packet)

    def _ask(self, packet: bytes) -> None:
        attempt = self._attempt
        if attempt is not None and attempt.downlink is not None:
            attempt.downlink.send_rtcp(packet)

    def _fetch(self, hold: bool) -> None:
        attempt = self._attempt
        if attempt is not None and attempt.downlink is not None:
            attempt.downlink.fetch(hold=hold)

    def _tend(self, now: float) -> None:
        """What is to be done now and then, when 20 ms are played."""
        if now >= self._look_at:
            self._wake.set()
        self._rounds.tick(now)

    def _report_or_probe(self) -> None:
        """By turns, each once a second: behind both at once a voice waits on a thin link."""
        self._has_reported = not self._has_reported
        if self._has_reported:
            self._report()
        else:
            self._probe()

    def _report(self) -> None:
        """Sender reports on the uplink, receiver reports on the downlink."""
        attempt, ssrc = self._attempt, self.sender.audio_ssrc
        if attempt is None:
            return
        if attempt.uplink is not None:
            attempt.uplink.send_rtcp(self.sender.reports() + attempt.question("uplink", ssrc))
        if attempt.downlink is not None:
            attempt.downlink.send_rtcp(self.receiver.report() + attempt.question("downlink", ssrc))
            self.sender.guess(self.receiver.loss, time.monotonic())

    def _probe(self) -> None:
        """What finds out how much the uplink carries."""
        attempt = self._attempt
        if attempt is not None and attempt.uplink is not None:
            for probe in self.sender.probes():
                attempt.uplink.send_rtcp(probe)

    # -- the recording -----------------------------------------------------------------------------

    def _keep(self, now: float, ssrc: int, ts: int, seq: int, level: int, data: bytes) -> None:
        """What we say is kept until it is recorded; without the server, which alone knows whether
        it is still our turn, for two minutes."""
        if self._spool is None or self.desired is None:
            return
        if self._down_at is not None and now - self._down_at > KEEP_ALONE_S:
            return
        clock_ms = round(1000 * (now + self._clock_s))
        try:
            self._spool.put(self.desired.meeting, Kept(clock_ms, ssrc, ts, seq, level, data))
        except OSError as error:
            log.warning("our voice can't be kept: %s", error)
            self.sender.keep = None

    def _send_later(self) -> None:
        """Send what the recorder did not confirm."""
        if self._spool is None:
            return
        if self.sender.keep is None:
            with contextlib.suppress(OSError):
                self._spool.pause()
        now = time.monotonic()
        if self._link.up:
            piece = self._spool.piece(round(1000 * (now + self._clock_s)), now)
            if piece is not None:
                self._link.send_later(Later(self.site, *piece))

    def _show_preview(self) -> None:
        """Small pictures for the operator, as often as Desired asks; on a link whose picture is
        cut only now and then, so that the voice keeps what there is."""
        desired, now = self.desired, time.monotonic()
        if desired is None or not desired.preview_s or desired.media != "auto":
            return
        is_thin = desired.camera != "off" and not self.sender.settings.video
        every_s = desired.preview_s * (PREVIEW_SELDOM if is_thin else 1)
        if now - self._previewed_at < every_s:
            return
        picture = self.sender.pictures.glance(now)
        if picture is not None and self._link.send_preview(Preview(self.site, jpeg(picture))):
            self._previewed_at = now

    def _tell(self) -> None:
        """Twice a second: what we are, and what was measured."""
        self.say_actual()
        self._link.send(m.SiteTelemetry(self._reading()))

    def _reading(self) -> m.SiteReading:
        attempt = self._attempt
        sent = attempt.uplink.bytes_out if attempt and attempt.uplink else 0
        got = attempt.downlink.bytes_in if attempt and attempt.downlink else 0
        cpu_before, at_before = self._cpu
        cpu, at = time.process_time(), time.monotonic()
        self._cpu = (cpu, at)
        elapsed_s = max(1e-3, at - at_before)
        sent_before, got_before = self._bytes
        self._bytes = (sent, got)
        heard = self.receiver.reading()
        return m.SiteReading(
            own_level=self.sender.level,
            heard_level=heard.level,
            rtt_ms=round(self.sender.rtt_ms, 1),
            jitter_ms=heard.jitter_ms,
            loss_percent=heard.loss_percent,
            gap_percent=heard.gap_percent,
            delay_ms=heard.delay_ms,
            up_kbps=round(max(0, sent - sent_before) * 8 / 1000 / elapsed_s, 1),
            down_kbps=round(max(0, got - got_before) * 8 / 1000 / elapsed_s, 1),
            fps=heard.fps,
            mos=heard.mos,
            mos_cq=heard.mos_cq,
            voice=heard.voice,
            audio_kbps=self.sender.settings.bitrate / 1000 if self.sender.microphone_open else 0.0,
            redundancy=len(self.sender.settings.distances),
            video_kbps=round(self.sender.video_kbps, 1),
            queue_ms=heard.queue_ms,
            heard=heard.levels,
            frozen=heard.frozen,
            lip_ms=heard.lip_ms,
            slot_loss=heard.losses,
            cpu_percent=round(100 * (cpu - cpu_before) / elapsed_s, 1),
            late_ms=round(max(self.sender.take_late_ms(), heard.late_ms), 1),
            process=vitals(),
        )

    async def close(self) -> None:
        """Close the connections and the devices."""
        if self._attempt is not None:
            await self._attempt.close()
        if self._spool is not None:
            with contextlib.suppress(OSError):
                self._spool.close()
        self.sender.close()
        self.receiver.close()


def _state(attempt: Attempt | None, which: str) -> m.LinkState:
    """`up` only when something came over it and it is not dead."""
    connection = attempt.link(which) if attempt is not None else None
    if attempt is None or connection is None:
        return "down"
    if connection.state == "connected":
        return "up" if attempt.is_alive(which) else "connecting"
    return "connecting" if connection.state in ("new", "connecting") else "down"


# -- the process ----------------------------------------------------------------------------------


async def _serve(site: Site, instrument: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, site.toggle_hand)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(site.run())
        if instrument:
            loop.add_reader(sys.stdin.fileno(), _take_instruction, site, loop)
        await stop.wait()
        running.cancel()
    await site.close()


def _take_instruction(site: Site, loop: asyncio.AbstractEventLoop) -> None:
    """A line of standard input from the rehearsal: `cut`, `mend`, `link:` with what `--impair`
    takes, or a way to be broken."""
    text = os.read(sys.stdin.fileno(), 4096).decode()
    if not text:
        loop.remove_reader(sys.stdin.fileno())
    for line in text.split():
        if line in ("cut", "mend"):
            site.cut(line == "cut")
        elif line.startswith("link:"):
            site.change_link(Impairment.parse(line.removeprefix("link:")))
        else:
            site.break_one_way(line)


def main(
    *,
    site: Annotated[str, Parameter(help="The site's id in the roster, as `kandis`.")],
    server: Annotated[str, Parameter(help="The server: ws://HOST:PORT.")] = "ws://127.0.0.1:8470",
    microphone: Annotated[str, Parameter(help=devices.MICROPHONES)] = "synthetic",
    camera: Annotated[str, Parameter(help=devices.CAMERAS)] = "synthetic",
    speaker: Annotated[str, Parameter(help=devices.SPEAKERS)] = "null",
    display: Annotated[str, Parameter(help=devices.DISPLAYS)] = "null",
    video: Annotated[str, Parameter(help="Picture sent: WIDTHxHEIGHT@FPS.")] = "320x180@10",
    number: Annotated[
        int, Parameter(help="Which synthetic person (0 to 63), as machines tell them apart.")
    ] = 0,
    name: Annotated[str, Parameter(help="Name in the synthetic picture; default: the id.")] = "",
    impair: Annotated[
        str, Parameter(help="Emulate a bad link: loss=10%,rtt=80ms,jitter=30ms,rate=256k,seed=7.")
    ] = "",
    spool: Annotated[
        Path | None,
        Parameter(
            help="Folder where our voice is kept until it is recorded; default: in your state "
            "folder."
        ),
    ] = None,
    instrument: Annotated[
        bool, Parameter(help="Take faults to inject from standard input (rehearsal).")
    ] = False,
    lang: Annotated[
        str | None, Parameter(help="Language on the screen: id or en; default: the locale's.")
    ] = None,
    verbose: Annotated[bool, Parameter(help="Say on standard error what happens.")] = False,
) -> int:
    """Run one site's media agent: camera and microphone up, picture and sound down.

    It has no user interface and needs nobody: it does what the console tells it, and looks for
    its server and relay for ever when they are gone. SIGUSR1 raises or lowers the site's hand.
    """
    use_language(lang)
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format=f"%(asctime)s {site} %(name)s %(message)s",
    )
    logging.getLogger("aioice").setLevel(logging.WARNING)
    try:
        width, height, fps = devices.parse_video(video)
        impairment = Impairment.parse(impair) if impair or instrument else None
        room = Room()
        ear = Ear(devices.open_microphone(microphone, number, room))
        sender = Sender(
            ear,
            devices.open_camera(camera, name or site, number, width, height, fps),
            fps=fps,
        )
        mouth = Mouth(devices.open_speaker(speaker, room))
        told = Announcement(mouth, devices.open_display(display))
        receiver = Receiver(told.speaker, told.display)
        one = Site(
            site,
            server,
            sender,
            receiver,
            announcement=told,
            spool=Spool(spool or user_state_path("giliran", appauthor=False) / "spoken" / site),
            impairment=impairment,
            ear=ear,
            mouth=mouth,
        )
    except (ValueError, OSError) as error:
        print(f"giliran agent: {error}", file=sys.stderr)
        return 2
    asyncio.run(_serve(one, instrument))
    return 0
