"""ICE, DTLS, SRTP and SDP by aiortc; every media packet is ours.

Public and private names of aiortc and aioice it relies on are held by
`tests/contract/test_aiortc.py` for the pinned releases (aiortc 1.16.0, aioice 0.13.0):

- no aiortc sender or receiver is ever started: `sender.send/stop` and `receiver.receive/stop` are
  replaced on the instance, so there is no decoder thread, jitter buffer or sender loop, and what
  would estimate the bitrate is taken away;
- incoming: we read the sockets (`agent.rtc.inlet`); a tap on the datagram protocol takes SRTP and
  SRTCP before aiortc's queue, decrypts with the DTLS transport's `_rx_srtp` and hands out
  plaintext; STUN and DTLS go their way;
- what connects goes again soon where packets are lost (`agent.rtc.handshake`);
- consent to go on sending (RFC 7675) is asked for and given by `agent.rtc.consent`, in the task
  that aioice has for it; the other messages of STUN are aioice's;
- outgoing: libsrtp with the context in `_tx_srtp`, and `sendto` on a second handle of the nominated
  candidate pair's socket (`agent.rtc.outlet`);
- RED (RFC 2198) is in aiortc's list of codecs, and the absolute send time and our own mark of a
  frame that was recovered in its list of audio header extensions, so that all are negotiated;
- an exception in a hook is logged and counted, it never ends the transport.
"""

import asyncio
import contextlib
import functools
import logging
import math
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import aioice.ice
import aiortc.codecs
import msgspec
import pylibsrtp
from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.rtcconfiguration import RTCBundlePolicy
from aiortc.rtcrtpparameters import (
    RTCRtpCodecCapability,
    RTCRtpCodecParameters,
    RTCRtpHeaderExtensionParameters,
)
from aiortc.sdp import SessionDescription

from agent.impair import Direction
from agent.rtc.consent import AGAIN_S, EVERY_S, Consent
from agent.rtc.handshake import Handshake
from agent.rtc.inlet import Inlet, unprotect
from agent.rtc.outlet import Outlet, OwnSocket

log = logging.getLogger("giliran.rtc")

State = Literal["new", "connecting", "connected", "failed", "closed"]
Kind = Literal["audio", "video"]

CLOSE_TIMEOUT_S = 5.0
TOGETHER_S = 0.1
"""Of consent, all connections of a process do together what they do within so long: to wake for one
of them costs more than all that is done then."""

STATES: dict[str, State] = {
    "new": "new",
    "connecting": "connecting",
    "connected": "connected",
    "failed": "failed",
    "closed": "closed",
}
OPUS_PAYLOAD_TYPE = 96
RED_PAYLOAD_TYPE = 63
# What a RED payload is made of: its own frame and up to two earlier ones, as Opus.
RED_FORM = f"{OPUS_PAYLOAD_TYPE}/{OPUS_PAYLOAD_TYPE}/{OPUS_PAYLOAD_TYPE}"
SEND_TIME = RTCRtpHeaderExtensionParameters(
    id=3, uri="http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
)
RECOVERED = RTCRtpHeaderExtensionParameters(id=4, uri="urn:x-giliran:rtp-hdrext:recovered")
CODECS: dict[Kind, list[RTCRtpCodecCapability]] = {
    "audio": [
        RTCRtpCodecCapability(mimeType="audio/opus", clockRate=48000, channels=2),
        RTCRtpCodecCapability(
            mimeType="audio/red", clockRate=48000, channels=2, parameters={RED_FORM: None}
        ),
    ],
    "video": [RTCRtpCodecCapability(mimeType="video/VP8", clockRate=90000)],
}


def _teach_aiortc() -> None:
    """Let aiortc negotiate what it does not know: it looks at these two lists."""
    aiortc.codecs.CODECS["audio"].append(
        RTCRtpCodecParameters(
            mimeType="audio/red",
            clockRate=48000,
            channels=2,
            payloadType=RED_PAYLOAD_TYPE,
            parameters={RED_FORM: None},
        )
    )
    aiortc.codecs.HEADER_EXTENSIONS["audio"].extend((SEND_TIME, RECOVERED))


_teach_aiortc()


class Line(msgspec.Struct, frozen=True):
    """One media line: what is sent under one SSRC. `direction` is the offerer's."""

    kind: Kind
    name: str
    direction: Literal["send", "recv"] = "send"
    ssrc: int | None = None


@contextlib.contextmanager
def only_loopback(is_wanted: bool) -> Iterator[None]:
    """aioice leaves 127.0.0.1 out; offer it and nothing else while gathering."""
    if not is_wanted:
        yield
        return
    usual = aioice.ice.get_host_addresses
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    try:
        yield
    finally:
        aioice.ice.get_host_addresses = usual


async def _sleep_together(seconds: float) -> None:
    """For a little more, so that others wake at the same time."""
    now = asyncio.get_running_loop().time()
    await asyncio.sleep(math.ceil((now + seconds) / TOGETHER_S) * TOGETHER_S - now)


async def _nothing(*_arguments: object) -> None:
    """In place of aiortc's senders and receivers."""


class Connection:
    """One peer connection, one direction of media (an uplink or a downlink).

    `on_rtp(packet, arrival)` and `on_rtcp(packet, arrival)` get plaintext and the monotonic time
    of arrival, on the event loop; `on_state(state)` is called once for each change.
    `impairment` (out, in) emulates a bad network under everything, STUN and DTLS included.
    """

    def __init__(
        self,
        *,
        loopback: bool,
        on_rtp: Callable[[bytes, float], None],
        on_rtcp: Callable[[bytes, float], None],
        on_state: Callable[[str], None],
        impairment: tuple[Direction, Direction] | None = None,
    ) -> None:
        self.state: State = "new"
        self.remote_lines: list[Line] = []
        self.packets_in = 0
        self.bytes_in = 0
        self.hook_errors = 0
        self.damaged = 0
        self._loopback = loopback
        self._on_rtp = on_rtp
        self._on_rtcp = on_rtcp
        self._on_state = on_state
        self._impairment = impairment
        self._dtls: Any = None
        self._inlets: list[Inlet] = []
        self._handshakes: list[Handshake] = []
        self._outlet: Outlet | None = None
        self._socket: OwnSocket | None = None
        self._consent: Consent | None = None
        self._connected = asyncio.Event()
        self._is_closing = False
        self._peer = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self._peer.on("connectionstatechange", self._state_changed)

    # -- negotiation (RFC 8829) ------------------------------------------------------------------

    async def offer(self, lines: Sequence[Line]) -> str:
        """An SDP offer of these lines, sent by us; all candidates inside. Raises ValueError."""
        for line in lines:
            transceiver = self._peer.addTransceiver(line.kind, direction="sendonly")
            transceiver.setCodecPreferences(CODECS[line.kind])
            if line.ssrc is not None:
                transceiver.sender._ssrc = line.ssrc
        return await self._describe(await self._peer.createOffer())

    async def answer(self, offer: str) -> str:
        """The SDP answer to a peer's offer. Raises ValueError when the offer is no good."""
        await self._accept(offer, "offer")
        return await self._describe(await self._peer.createAnswer())

    async def accept(self, answer: str) -> None:
        """Take the peer's answer to our offer. Raises ValueError when it is no good."""
        await self._accept(answer, "answer")

    async def _accept(self, text: str, kind: str) -> None:
        try:
            await self._peer.setRemoteDescription(RTCSessionDescription(text, kind))
            description = SessionDescription.parse(text)
        except Exception as error:
            # The text comes from another machine, and aiortc's parser raises whatever it meets.
            raise ValueError(f"not a usable SDP {kind}: {error}") from error
        if not description.media:
            raise ValueError(f"not a usable SDP {kind}: it has no lines")
        self._match_red()
        self.remote_lines = [
            Line(
                "audio" if media.kind == "audio" else "video",
                media.rtp.muxId,
                "send",
                media.ssrc[0].ssrc if media.ssrc else None,
            )
            for media in description.media
        ]
        self._silence_aiortc()

    def _match_red(self) -> None:
        """RED is made of Opus under the number that the peers agreed on."""
        for transceiver in self._peer.getTransceivers():
            types = {c.mimeType.lower(): c.payloadType for c in transceiver._codecs}
            for codec in transceiver._codecs:
                if codec.mimeType.lower() == "audio/red" and "audio/opus" in types:
                    codec.parameters = {"/".join([str(types["audio/opus"])] * 3): None}

    async def _describe(self, description: RTCSessionDescription) -> str:
        self._silence_aiortc()
        with only_loopback(self._loopback):
            await self._peer.setLocalDescription(description)
        self._tap()
        return str(self._peer.localDescription.sdp)

    def _silence_aiortc(self) -> None:
        for transceiver in self._peer.getTransceivers():
            receiver: Any = transceiver.receiver
            sender: Any = transceiver.sender
            receiver.receive = receiver.stop = sender.send = sender.stop = _nothing
            # A thousand objects, of which the garbage collector would look at each.
            receiver._RTCRtpReceiver__remote_bitrate_estimator = None

    # -- datagrams ---------------------------------------------------------------------------------

    def _tap(self) -> None:
        """Put ourselves between every socket of the connection and aioice."""
        transceiver = self._peer.getTransceivers()[0]
        self._dtls = transceiver.receiver.transport
        ice = self._dtls.transport._connection
        ice.query_consent = functools.partial(self._keep_consent, ice)
        for protocol in ice._protocols:
            if "datagram_received" in vars(protocol):
                continue
            if self._impairment is not None:
                self._impair_outgoing(protocol.transport, self._impairment[0])
            handshake = self._send_again(protocol.transport)
            self._handshakes.append(handshake)
            self._tap_incoming(protocol, handshake)
            self._inlets.append(Inlet(protocol))

    @staticmethod
    def _send_again(transport: Any) -> Handshake:
        usual = transport.sendto

        def again(data: bytes, address: Any) -> None:
            if not transport.is_closing():
                usual(data, address)

        handshake = Handshake(again)

        def send(data: bytes, address: tuple[Any, ...] | None = None) -> None:
            usual(data, address)
            handshake.sent(data, address)

        transport.sendto = send
        return handshake

    def _tap_incoming(self, protocol: Any, handshake: Handshake) -> None:
        usual = protocol.datagram_received

        def take(data: bytes, address: tuple[Any, ...], arrival: float | None = None) -> None:
            if len(data) > 12 and 127 < data[0] < 192:
                self._take_srtp(data, time.monotonic() if arrival is None else arrival)
            elif not self._take_consent(protocol, data, address):
                handshake.came(data)
                usual(data, address)

        if self._impairment is None:
            protocol.datagram_received = take
            return
        direction = self._impairment[1]
        loop = asyncio.get_running_loop()

        def take_later(data: bytes, address: tuple[Any, ...]) -> None:
            at = direction.admit(len(data), loop.time())
            if at is not None:
                loop.call_at(at, take, data, address)

        protocol.datagram_received = take_later

    @staticmethod
    def _impair_outgoing(transport: Any, direction: Direction) -> None:
        usual = transport.sendto
        loop = asyncio.get_running_loop()

        def send(data: bytes, address: tuple[Any, ...] | None = None) -> None:
            if not transport.is_closing():
                usual(data, address)

        def send_later(data: bytes, address: tuple[Any, ...] | None = None) -> None:
            at = direction.admit(len(data), loop.time())
            if at is not None:
                loop.call_at(at, send, data, address)

        transport.sendto = send_later

    def _take_srtp(self, data: bytes, arrival: float) -> None:
        session = self._dtls._rx_srtp
        if session is None:
            return
        self.packets_in += 1
        self.bytes_in += len(data)
        is_rtcp = 192 <= data[1] <= 223  # RFC 5761 §4
        try:
            plain = unprotect(session, data, is_rtcp=is_rtcp)
        except pylibsrtp.Error as error:
            # What was sent twice, for the link loses much, is no damage.
            self.damaged += not str(error).startswith("replay")
            return
        try:
            if is_rtcp:
                self._on_rtcp(plain, arrival)
            else:
                self._on_rtp(plain, arrival)
        except Exception:
            self.hook_errors += 1
            if self.hook_errors <= 5:
                log.exception("hook failed")

    def fetch(self, *, hold: bool) -> None:
        """Take what was held. `hold`: what comes until the next call waits for it, and has its own
        time of arrival all the same; on an emulated network nothing waits."""
        for inlet in self._inlets:
            inlet.fetch(hold=hold and self.state == "connected" and self._impairment is None)

    # -- consent (RFC 7675) ------------------------------------------------------------------------

    async def _keep_consent(self, ice: Any) -> None:
        """In place of aioice's own, in its task, which ends with the connection. A dead peer is
        noticed sooner by the media watch of an agent (3 s), and the relay sends nothing to whom it
        did not hear for 12 s."""
        pair = ice._nominated[1]
        consent = self._consent = Consent(
            (ice.local_username, ice.remote_username),
            (ice.local_password, ice.remote_password),
            pair.remote_addr,
            time.monotonic(),
            controlling=ice.ice_controlling,
            tie_breaker=ice._tie_breaker,
        )
        while True:
            await _sleep_together(AGAIN_S)
            if not consent.waits:
                await _sleep_together(random.uniform(*EVERY_S) - AGAIN_S)
            if consent.has_expired(time.monotonic()):
                log.info("consent to send expired")
                ice._query_consent_task = None  # that is us: `close` is not to wait for it
                await ice.close()
                return
            pair = ice._nominated[1]
            consent.remote = pair.remote_addr
            pair.protocol.transport.sendto(consent.question(os.urandom(12)), pair.remote_addr)

    def _take_consent(self, protocol: Any, data: bytes, address: tuple[Any, ...]) -> bool:
        """Whether it was a question or an answer of consent, and is done with."""
        if self._consent is None or protocol.transport.is_closing():
            return False
        answer = self._consent.take(data, address, time.monotonic())
        if answer:
            protocol.transport.sendto(answer, address)
        return answer is not None

    # -- the way out -------------------------------------------------------------------------------

    @property
    def outlet(self) -> Outlet | None:
        """Where packets leave, for `Outlets`; None while there is no way out."""
        if self.state != "connected":
            return None
        if self._outlet is None:
            pair = self._dtls.transport._connection._nominated.get(1)
            if pair is not None:
                self._outlet = self._make_outlet(pair.protocol.transport, pair.remote_addr)
        return self._outlet

    def _make_outlet(self, transport: Any, remote: tuple[Any, ...]) -> Outlet:
        if self._impairment is not None:
            # The emulated network holds packets back, so each needs bytes of its own.
            def send(data: Any, address: tuple[Any, ...]) -> None:
                transport.sendto(bytes(data), address)

            return Outlet(self._dtls._tx_srtp, send, remote)
        self._socket = OwnSocket(transport)
        own = self._socket
        return Outlet(self._dtls._tx_srtp, own.sendto, remote, own.wait_writable, own.sendmsg)

    def send_rtp(self, packet: bytes) -> bool:
        """Protect and send an RTP packet; False when it can't go out now. Raises ValueError when it
        is too long."""
        outlet = self.outlet
        return outlet is not None and outlet.send_rtp(packet)

    def send_rtcp(self, packet: bytes) -> bool:
        """Protect and send an RTCP packet; False when it can't go out now. Raises ValueError when
        it is too long."""
        outlet = self.outlet
        return outlet is not None and outlet.send_rtcp(packet)

    @property
    def packets_out(self) -> int:
        """What was sent, RTCP too."""
        return 0 if self._outlet is None else self._outlet.packets

    @property
    def bytes_out(self) -> int:
        """What was sent, protected, without the headers of UDP and IP."""
        return 0 if self._outlet is None else self._outlet.bytes

    @property
    def dropped(self) -> int:
        """Packets that the socket did not take, and had no room to wait."""
        return 0 if self._outlet is None else self._outlet.dropped

    # -- state -------------------------------------------------------------------------------------

    def _state_changed(self) -> None:
        self._set_state(self._peer.connectionState)

    def _set_state(self, text: str) -> None:
        state = STATES[text]
        if state == self.state or self.state == "closed":
            return
        self.state = state
        if state == "connected":
            self._connected.set()
            for handshake in self._handshakes:
                handshake.end()
        elif state in ("failed", "closed"):
            for handshake in self._handshakes:
                handshake.close()
        if state != "connected":
            for inlet in self._inlets:
                inlet.release()
            if self._socket is not None:
                self._socket.close()
        self._on_state(state)

    async def wait_connected(self, timeout_s: float) -> None:
        """Return once connected; raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            await self._connected.wait()

    def payload_type(self, kind: Kind) -> int:
        """The payload type negotiated for audio (Opus) or video (VP8). Raises ValueError."""
        for transceiver in self._peer.getTransceivers():
            if transceiver.kind == kind and transceiver._codecs:
                return int(transceiver._codecs[0].payloadType or 0)
        raise ValueError(f"no {kind} line was negotiated")

    async def close(self) -> None:
        """Close the connection; the peer is told by DTLS. Idempotent, and done in 5 s."""
        self._peer.remove_all_listeners()
        self._set_state("closed")
        if self._is_closing:
            # aiortc would wait for the first closing, for ever if that was cancelled.
            return
        self._is_closing = True
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._peer.close()
        except TimeoutError:
            log.warning("a connection was left as it is: it does not close")
