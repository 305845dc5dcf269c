"""The lines of the two connections of a site: fixed, so that every site's slots are alike.

A slot has the same SSRC at all sites (RELAY.md's shared plaintext): a packet is rewritten once,
and each receiver costs only SRTP and a send. A picture that comes in two sizes has a line for each,
with numbers of its own: a receiver gets one of them at a time, and knows by the SSRC which.
"""

import msgspec

from agent.picture.layers import Layer, PictureName
from agent.rtc import OPUS_PAYLOAD_TYPE as OPUS_PAYLOAD_TYPE
from agent.rtc import RED_PAYLOAD_TYPE as RED_PAYLOAD_TYPE
from agent.rtc import Line
from protocol.messages import AUDIO_SLOTS, VIDEO_SLOTS, SlotName

OPUS_CLOCK = 48_000
VP8_CLOCK = 90_000
VP8_PAYLOAD_TYPE = 97


class Picture(msgspec.Struct, frozen=True):
    """One stream of pictures: where it is shown, and which of the camera's two sizes it is."""

    slot: SlotName
    layer: Layer


PICTURES: dict[PictureName, Picture] = {
    "main": Picture("main", "high"),
    "second": Picture("second", "low"),
    "main-low": Picture("main", "low"),
    "deck": Picture("second", "low"),
}
"""`deck` is what the chair's site is shown in `second`, where it would be shown itself."""

SLOT_SSRC: dict[str, int] = {
    name: 0x47_49_4C_00 + number for number, name in enumerate((*AUDIO_SLOTS, *PICTURES), 1)
}
SLOT_OF_SSRC: dict[int, str] = {ssrc: name for name, ssrc in SLOT_SSRC.items()}
PICTURES_OF: dict[SlotName, tuple[PictureName, ...]] = {
    slot: tuple(name for name, one in PICTURES.items() if one.slot == slot) for slot in VIDEO_SLOTS
}

DOWNLINK: tuple[Line, ...] = (
    *(Line("audio", slot, "send", SLOT_SSRC[slot]) for slot in AUDIO_SLOTS),
    *(Line("video", name, "send", SLOT_SSRC[name]) for name in PICTURES),
)


def uplink(audio_ssrc: int, *video_ssrcs: int) -> tuple[Line, ...]:
    """What an agent offers: its microphone and its camera, the larger picture first."""
    return (
        Line("audio", "microphone", "send", audio_ssrc),
        *(Line("video", "camera", "send", ssrc) for ssrc in video_ssrcs),
    )


def layers(count: int) -> tuple[Layer | None, ...]:
    """Which size each of so many lines of video has; a camera with one line has one size, that is
    used everywhere."""
    return (None,) if count == 1 else ("high", "low", *(None,) * (count - 2))
