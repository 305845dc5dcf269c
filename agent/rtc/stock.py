"""aiortc as it is: what our own paths are measured against."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from fractions import Fraction
from importlib.metadata import version
from typing import Any

import av
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcrtpparameters import RTCRtpCodecCapability
from numpy.typing import NDArray

from agent.rtc.connection import only_loopback

STOCK_CODEC = RTCRtpCodecCapability(mimeType="audio/opus", clockRate=48000, channels=2)
STOCK_MAX_WAITING = 50


class _StockSpeech(MediaStreamTrack):
    """Speech in a loop, in frames of 20 ms, each given when its last sample was spoken."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._begun = asyncio.Event()
        self._began_at = 0.0
        self._count = 0
        self._speech: NDArray[np.int16] = np.zeros(960, dtype=np.int16)

    def begin(self, speech: NDArray[np.int16], now: float) -> None:
        """Speak from now on; before, there is nothing to send."""
        self._speech, self._began_at = speech, now
        self._begun.set()

    def between(self, first: int, end: int) -> NDArray[np.int16]:
        """The samples spoken from one to another, counted from the first that was."""
        return np.take(self._speech, np.arange(first, end), mode="wrap")

    async def recv(self) -> av.AudioFrame:
        await self._begun.wait()
        first = 960 * self._count
        self._count += 1
        wait_s = self._began_at + 0.02 * self._count - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, wait_s))
        if self.readyState != "live":
            raise MediaStreamError
        frame = av.AudioFrame.from_ndarray(
            self.between(first, first + 960)[None, :], format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts, frame.time_base = 48_000, first, Fraction(1, 48_000)
        return frame


class StockPeers:
    """Two untouched peers of aiortc, sound from the first to the second, Opus as it comes.

    Its receivers give frames as they are decoded; they are played as a sound card plays them: one
    every 20 ms, silence when none is there, the oldest dropped beyond a second.
    """

    def __init__(self) -> None:
        self.software = f"aiortc {version('aiortc')}"
        self._sender, self._receiver = (
            RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2)
        )
        self._track = _StockSpeech()

    async def offer(self) -> str:
        """The sender's description, all candidates inside."""
        self._sender.addTransceiver(self._track, direction="sendonly")
        return await self._describe(self._sender)

    async def answer(self, offer: str) -> str:
        """The receiver's description."""
        await self._receiver.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        return await self._describe(self._receiver)

    async def accept(self, answer: str) -> None:
        """Give the receiver's description to the sender."""
        await self._sender.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    @staticmethod
    async def _describe(peer: RTCPeerConnection) -> str:
        (transceiver,) = peer.getTransceivers()
        # Whatever else this module may have taught aiortc.
        transceiver.setCodecPreferences([STOCK_CODEC])
        is_answer = peer.signalingState == "have-remote-offer"
        made = await (peer.createAnswer() if is_answer else peer.createOffer())
        with only_loopback(True):
            await peer.setLocalDescription(made)
        return str(peer.localDescription.sdp)

    async def wait_connected(self) -> None:
        """Return once both are connected. Raises ConnectionError when they can't be."""
        for peer in (self._sender, self._receiver):
            changed = asyncio.Event()
            peer.on("connectionstatechange", changed.set)
            while peer.connectionState != "connected":
                if peer.connectionState in ("failed", "closed"):
                    raise ConnectionError("the two peers did not find each other")
                await changed.wait()
                changed.clear()

    async def talk(self, speech: NDArray[np.int16], seconds: float) -> NDArray[np.int16]:
        """Speak (mono, looped), and give what was spoken and heard: samples x 2."""
        began_at = asyncio.get_running_loop().time()
        arrived: list[tuple[float, NDArray[np.int16]]] = []
        (transceiver,) = self._receiver.getTransceivers()
        self._track.begin(speech, began_at)
        with contextlib.suppress(TimeoutError, MediaStreamError):
            async with asyncio.timeout_at(began_at + seconds):
                while True:
                    frame: Any = await transceiver.receiver.track.recv()
                    at = asyncio.get_running_loop().time() - began_at
                    arrived.append((at, frame.to_ndarray().reshape(-1, 2)[:, 0]))
        count = round(seconds * 48_000)
        return np.stack([self._track.between(0, count), played(arrived, count)], axis=1)

    async def close(self) -> None:
        """Close both peers."""
        self._track.stop()
        await self._sender.close()
        await self._receiver.close()


def played(arrived: Sequence[tuple[float, NDArray[np.int16]]], count: int) -> NDArray[np.int16]:
    """What a sound card plays of frames of 20 ms that arrive at these times (seconds): `count`
    samples, one frame every 20 ms from 0 on."""
    sound = np.zeros(count + 960, dtype=np.int16)
    waiting: list[NDArray[np.int16]] = []
    frames = iter([*arrived, (float("inf"), sound[:0])])
    at, frame = next(frames)
    for first in range(0, count, 960):
        while at <= first / 48_000:
            waiting = [*waiting, frame][-STOCK_MAX_WAITING:]
            at, frame = next(frames)
        if waiting:
            sound[first : first + 960] = waiting.pop(0)
    return sound[:count]


@contextlib.asynccontextmanager
async def stock_peers() -> AsyncIterator[StockPeers]:
    """Two peers of aiortc as it is, closed afterwards."""
    peers = StockPeers()
    try:
        yield peers
    finally:
        await peers.close()
