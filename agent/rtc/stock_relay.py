"""Relays made of aiortc as it is: what the forwarding of `agent.relay` is measured against.

`StockForwarder` forwards RTP with aiortc's own parts, each packet serialised and sent for each
viewer; `StockMediaRelay` is what aiortc's documentation shows: frames decoded once, and encoded
anew for each viewer. `StockSource` sends real VP8 and Opus to either.
"""

import asyncio
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from aiortc.rtcconfiguration import RTCBundlePolicy
from aiortc.rtcrtpparameters import RTCRtpCodecCapability

from agent.rtc.connection import Kind, only_loopback
from agent.rtc.stock import STOCK_CODEC

VP8 = RTCRtpCodecCapability(mimeType="video/VP8", clockRate=90_000)
KINDS: tuple[Kind, Kind] = ("audio", "video")


def _peer() -> RTCPeerConnection:
    policy = RTCBundlePolicy.MAX_BUNDLE
    return RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=policy))


async def _describe(peer: RTCPeerConnection) -> str:
    is_answer = peer.signalingState == "have-remote-offer"
    for transceiver in peer.getTransceivers():
        if not is_answer:
            transceiver.setCodecPreferences([STOCK_CODEC if transceiver.kind == "audio" else VP8])
    made = await (peer.createAnswer() if is_answer else peer.createOffer())
    with only_loopback(True):
        await peer.setLocalDescription(made)
    return str(peer.localDescription.sdp)


class StockForwarder:
    """A forwarding unit: aiortc's reception, `RtpPacket.serialize` and `_send_rtp` for each viewer.

    No sender's loop is started (an idle one polls every 20 ms), and nothing is decoded.
    """

    def __init__(self) -> None:
        self.packets_out = 0
        self._peers: list[RTCPeerConnection] = []
        self._viewers: list[tuple[Any, dict[str, tuple[int, int]]]] = []

    async def publish(self, offer: str) -> str:
        """A source's offer; the answer."""
        peer = _peer()
        self._peers.append(peer)
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        for transceiver in peer.getTransceivers():
            receiver: Any = transceiver.receiver
            receiver._handle_rtp_packet = self._forwarder(transceiver.kind)
        return await _describe(peer)

    def _forwarder(self, kind: str) -> Any:
        async def forward(packet: Any, arrival_time_ms: int) -> None:
            for dtls, numbers in self._viewers:
                packet.payload_type, packet.ssrc = numbers[kind]
                await dtls._send_rtp(packet.serialize())
                self.packets_out += 1

        return forward

    async def subscribe(self) -> tuple[int, str]:
        """A new viewer's number, and the offer to it."""
        peer = _peer()
        self._peers.append(peer)
        for kind in KINDS:
            sender: Any = peer.addTransceiver(kind, direction="sendonly").sender
            sender.send = sender.stop = _nothing
        return len(self._peers) - 1, await _describe(peer)

    async def accept(self, number: int, answer: str) -> None:
        """The viewer's answer; it is sent everything once it is connected."""
        peer = self._peers[number]
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        numbers: Any = {
            one.kind: (one._codecs[0].payloadType, one.sender._ssrc)
            for one in peer.getTransceivers()
        }
        await _wait_connected(peer)
        self._viewers.append((peer.getTransceivers()[0].sender.transport, numbers))

    async def close(self) -> None:
        """Close everything."""
        for peer in self._peers:
            await peer.close()


class StockMediaRelay:
    """aiortc's MediaRelay: a decoder for the source, an encoder for each viewer."""

    def __init__(self) -> None:
        self._relay = MediaRelay()
        self._peers: list[RTCPeerConnection] = []
        self._tracks: list[MediaStreamTrack] = []

    async def publish(self, offer: str) -> str:
        """A source's offer; the answer."""
        peer = _peer()
        self._peers.append(peer)
        peer.on("track", self._tracks.append)
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        return await _describe(peer)

    async def subscribe(self) -> tuple[int, str]:
        """A new viewer's number, and the offer to it."""
        peer = _peer()
        self._peers.append(peer)
        for track in self._tracks:
            peer.addTransceiver(self._relay.subscribe(track), direction="sendonly")
        return len(self._peers) - 1, await _describe(peer)

    async def accept(self, number: int, answer: str) -> None:
        """The viewer's answer."""
        peer = self._peers[number]
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await _wait_connected(peer)

    async def close(self) -> None:
        """Close everything."""
        for peer in self._peers:
            await peer.close()


class StockSource:
    """A peer that sends a moving picture of 640 × 360 at 20 a second, and a tone."""

    def __init__(self) -> None:
        self._peer = _peer()

    async def offer(self) -> str:
        """Its description."""
        self._peer.addTransceiver(_Tone(), direction="sendonly")
        self._peer.addTransceiver(_Picture(), direction="sendonly")
        return await _describe(self._peer)

    async def accept(self, answer: str) -> None:
        """The answer; it sends from now on."""
        await self._peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await _wait_connected(self._peer)

    async def close(self) -> None:
        """Close it."""
        await self._peer.close()


class _Paced(MediaStreamTrack):
    def __init__(self, every_s: float) -> None:
        super().__init__()
        self._every_s = every_s
        self._count = -1
        self._begin: float | None = None

    async def _wait_next(self) -> int:
        loop = asyncio.get_running_loop()
        if self._begin is None:
            self._begin = loop.time()
        self._count += 1
        await asyncio.sleep(max(0.0, self._begin + self._count * self._every_s - loop.time()))
        return self._count


class _Tone(_Paced):
    kind = "audio"

    def __init__(self) -> None:
        super().__init__(0.02)

    async def recv(self) -> av.AudioFrame:
        first = 960 * await self._wait_next()
        wave = 8000 * np.sin(np.arange(first, first + 960) * 2 * np.pi * 440 / 48_000)
        frame = av.AudioFrame.from_ndarray(
            wave.astype(np.int16)[None, :], format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts, frame.time_base = 48_000, first, Fraction(1, 48_000)
        return frame


class _Picture(_Paced):
    kind = "video"

    def __init__(self) -> None:
        super().__init__(0.05)
        self._noise = np.random.default_rng(7).integers(0, 255, (360, 1280, 3), dtype=np.uint8)

    async def recv(self) -> av.VideoFrame:
        number = await self._wait_next()
        shift = 8 * number % 640
        frame = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(self._noise[:, shift : shift + 640] // 4), format="rgb24"
        )
        frame.pts, frame.time_base = 4500 * number, Fraction(1, 90_000)
        return frame


async def _nothing(*_arguments: object) -> None:
    """In place of an idle sender's loop."""


async def _wait_connected(peer: RTCPeerConnection) -> None:
    changed = asyncio.Event()
    peer.on("connectionstatechange", changed.set)
    while peer.connectionState != "connected":
        if peer.connectionState in ("failed", "closed"):
            raise ConnectionError("the two peers did not find each other")
        await changed.wait()
        changed.clear()
