"""Our RED (RFC 2198) is understood by Chromium's decoder, and Chromium's by ours."""

import asyncio
import contextlib
import json
import shutil
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest

from agent import chromium, lines, rtp
from agent.audio import opus, red
from agent.audio.hop import Frame, Unfolder, VoiceStream
from agent.rtc import Connection, Line
from agent.voice import waveform

pytestmark = [
    pytest.mark.realtime,
    pytest.mark.skipif(
        not any(map(shutil.which, chromium.NAMES)), reason="needs chromium: apt install chromium"
    ),
]

PEER = """
window.pc = new RTCPeerConnection();
window.fully = async (description) => {
  await pc.setLocalDescription(description);
  while (pc.iceGatheringState !== 'complete')
    await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, {once: true}));
  return pc.localDescription.sdp;
};
null
"""  # noqa: E501
LISTEN = """
(async (sdp) => {
  pc.ontrack = ({track}) => {
    window.sound = new Audio();
    sound.srcObject = new MediaStream([track]);
    sound.play();
  };
  await pc.setRemoteDescription({type: 'offer', sdp});
  return await fully(await pc.createAnswer());
})(%s)
"""
STATS = """
(async () => {
  for (const one of (await pc.getStats()).values())
    if (one.type === 'inbound-rtp') return {
      energy: one.totalAudioEnergy, samples: one.totalSamplesReceived,
      concealed: one.concealedSamples, received: one.packetsReceived};
})()
"""
SPEAK = """
(async () => {
  const context = new AudioContext();
  const tone = new OscillatorNode(context, {frequency: 440});
  const out = context.createMediaStreamDestination();
  tone.connect(out);
  tone.start();
  const way = pc.addTransceiver(out.stream.getAudioTracks()[0], {direction: 'sendonly'});
  const known = RTCRtpSender.getCapabilities('audio').codecs;
  const wanted = ['audio/red', 'audio/opus'];
  way.setCodecPreferences(wanted.map((name) => known.find((one) => one.mimeType === name)));
  return await fully(await pc.createOffer());
})()
"""


TRIES = 4
LATE_S = 0.03


class End:
    """Our end of a connection with the page."""

    def __init__(self) -> None:
        self.packets: asyncio.Queue[bytes] = asyncio.Queue()
        self.connection = Connection(
            loopback=True,
            on_rtp=lambda packet, at: self.packets.put_nowait(packet),
            on_rtcp=lambda packet, at: None,
            on_state=lambda state: None,
        )


@contextlib.asynccontextmanager
async def page() -> AsyncIterator[chromium.Browser]:
    async with chromium.browser() as one:
        await one.call("Browser.grantPermissions", permissions=["audioCapture"])
        await one.open(chromium.PAGE)
        await one.evaluate(PEER)
        yield one


async def heard_share(distances: tuple[int, ...]) -> float:
    """The share of what Chromium played that it had to make up, when every fourth packet of ours
    never comes. Measured again when packets were sent so late that they too were missing."""
    for _ in range(TRIES):
        share, late_s = await measured_share(distances)
        if late_s < LATE_S:
            break
    return share


async def measured_share(distances: tuple[int, ...]) -> tuple[float, float]:
    """That share, and by how much the latest packet that counts was late."""
    async with page() as one:
        end = End()
        offer = await end.connection.offer([Line("audio", "microphone", "send", 4711)])
        assert "a=rtpmap:63 red/48000/2" in offer and "a=fmtp:63 96/96" in offer
        answer = await one.evaluate(LISTEN % json.dumps(offer))
        assert "red/48000/2" in answer, "Chromium takes RED"
        await end.connection.accept(answer)
        await end.connection.wait_connected(20)
        stream = VoiceStream(4711, lines.OPUS_PAYLOAD_TYPE, lines.RED_PAYLOAD_TYPE)
        encoder = opus.Encoder()
        began_at = time.monotonic()
        before, late_s = None, 0.0
        for n in range(300):
            pcm = waveform(3, n * 960, 960)
            stream.add(Frame(n, n * 960, encoder.encode(pcm), n == 0, 20))
            packet = stream.packet(n, distances, time.monotonic())
            await asyncio.sleep(max(0.0, began_at + n * 0.02 - time.monotonic()))
            if n > 100:
                late_s = max(late_s, time.monotonic() - began_at - n * 0.02)
            if n % 4 != 3 and packet is not None:
                assert end.connection.send_rtp(packet)
            if n == 100:  # its jitter buffer has found its length
                before = await one.evaluate(STATS)
        after = await one.evaluate(STATS)
        await end.connection.close()
    assert before is not None and after["received"] > 200 and after["energy"] > before["energy"]
    samples = after["samples"] - before["samples"]
    assert samples > 48_000
    return (after["concealed"] - before["concealed"]) / samples, late_s


async def test_chromium_plays_our_redundancy() -> None:
    plain = await heard_share(())
    redundant = await heard_share((1, 2))
    assert plain > 0.08, "without copies a quarter is missing"
    assert redundant < 0.3 * plain


async def test_we_hear_chromiums_redundancy() -> None:
    async with page() as one:
        end = End()
        answer = await end.connection.answer(await one.evaluate(SPEAK))
        assert "red/48000/2" in answer
        accepted = await one.evaluate(
            f"pc.setRemoteDescription({{type: 'answer', sdp: {json.dumps(answer)}}})"
            ".then(() => pc.localDescription.sdp)"
        )
        types = {
            name: int(line.split()[0].rpartition(":")[2])
            for line in accepted.splitlines()
            for name in ("opus", "red")
            if line.startswith("a=rtpmap:") and f" {name}/48000/2" in line
        }
        await end.connection.wait_connected(20)
        unfolder = Unfolder(types["opus"], types["red"])
        frames, redundant = [], 0
        async with asyncio.timeout(20):
            while len(frames) < 150:
                packet = await end.packets.get()
                header = rtp.parse(packet)
                payload = packet[header.payload_offset : header.payload_end]
                if header.payload_type == types["red"] and payload:
                    redundant += len(red.unpack(payload, types["opus"])[0]) > 1
                frames += unfolder.push(header, payload)
        await end.connection.close()
    assert redundant >= 50 and unfolder.damaged == 0
    # Packets of padding take numbers too: time tells which frame is which.
    spoken = {rtp.ts_delta(f.ts, frames[0].ts) // 960: f.data for f in frames}
    assert sorted(spoken)[-100:] == list(range(max(spoken) - 99, max(spoken) + 1))
    decoder = opus.Decoder()
    sound = np.concatenate([decoder.decode(spoken[n]) for n in sorted(spoken)])[48_000:]
    sound = sound.astype(float)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert abs(spectrum.argmax() * 48_000 / len(sound) - 440) < 3
