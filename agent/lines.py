"""The lines of the two connections of a site: fixed, so that every site's slots are alike.

A slot has the same SSRC at all sites (RELAY.md's shared plaintext): a packet is rewritten once,
and each receiver costs only SRTP and a send.
"""

from agent.rtc import OPUS_PAYLOAD_TYPE as OPUS_PAYLOAD_TYPE
from agent.rtc import RED_PAYLOAD_TYPE as RED_PAYLOAD_TYPE
from agent.rtc import Line
from protocol.messages import AUDIO_SLOTS, VIDEO_SLOTS, SlotName

OPUS_CLOCK = 48_000
VP8_CLOCK = 90_000
VP8_PAYLOAD_TYPE = 97

SLOT_SSRC: dict[SlotName, int] = {
    slot: 0x47_49_4C_00 + number for number, slot in enumerate((*AUDIO_SLOTS, *VIDEO_SLOTS), 1)
}
SLOT_OF_SSRC: dict[int, SlotName] = {ssrc: slot for slot, ssrc in SLOT_SSRC.items()}

DOWNLINK: tuple[Line, ...] = (
    *(Line("audio", slot, "send", SLOT_SSRC[slot]) for slot in AUDIO_SLOTS),
    *(Line("video", slot, "send", SLOT_SSRC[slot]) for slot in VIDEO_SLOTS),
)


def uplink(audio_ssrc: int, video_ssrc: int) -> tuple[Line, ...]:
    """What an agent offers: its microphone and its camera."""
    return (
        Line("audio", "microphone", "send", audio_ssrc),
        Line("video", "camera", "send", video_ssrc),
    )
