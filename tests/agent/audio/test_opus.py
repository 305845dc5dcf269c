"""libopus: what goes in comes out, what is lost is concealed."""

import numpy as np
import pytest

from agent import voice
from agent.audio import opus


def frames(count: int, site: int = 5) -> list[opus.Pcm]:
    return [voice.waveform(site, n * 960, 960) for n in range(count)]


def rms(pcm: opus.Pcm) -> float:
    return float(np.sqrt(np.mean(pcm.astype(float) ** 2)))


def test_a_voice_comes_through_at_its_bitrate() -> None:
    encoder, decoder = opus.Encoder(24_000), opus.Decoder()
    sent = frames(100)
    packets = [encoder.encode(pcm) for pcm in sent]
    heard = np.concatenate([decoder.decode(packet) for packet in packets])
    assert rms(heard[9600:]) == pytest.approx(rms(np.concatenate(sent)[9600:]), rel=0.3)
    assert 8_000 < sum(map(len, packets)) * 8 / 2.0 < 30_000
    encoder.set_bitrate(12_000)
    thin = [encoder.encode(pcm) for pcm in frames(100)]
    assert sum(map(len, thin)) < 0.8 * sum(map(len, packets))


def test_in_band_redundancy_is_better_than_concealment() -> None:
    def after_a_loss(recover: bool) -> float:
        encoder, decoder = opus.Encoder(32_000, fec=True, loss_percent=20), opus.Decoder()
        packets = [encoder.encode(pcm) for pcm in frames(40)]
        for packet in packets[:30]:
            decoder.decode(packet)
        return rms(decoder.decode_fec(packets[31]) if recover else decoder.conceal())

    assert after_a_loss(True) > 1.2 * after_a_loss(False)


def test_damage_is_an_error_and_the_decoder_goes_on() -> None:
    encoder, decoder = opus.Encoder(), opus.Decoder()
    packets = [encoder.encode(pcm) for pcm in frames(20)]
    for packet in packets[:10]:
        decoder.decode(packet)
    with pytest.raises(opus.OpusError):
        decoder.decode(b"\xff" * 3)
    assert rms(decoder.decode(packets[11])) > 500


def test_a_decoder_goes_back_to_what_it_knew() -> None:
    encoder, decoder = opus.Encoder(), opus.Decoder()
    packets = [encoder.encode(pcm) for pcm in frames(30)]
    for packet in packets[:20]:
        decoder.decode(packet)
    decoder.keep()
    heard = decoder.decode(packets[20])
    for _ in range(3):
        decoder.conceal()
    assert not np.array_equal(decoder.decode(packets[20]), heard)
    decoder.back()
    assert np.array_equal(decoder.decode(packets[20]), heard)


def test_after_a_reset_nothing_is_left_of_the_speaker_before() -> None:
    encoder, decoder = opus.Encoder(), opus.Decoder()
    for pcm in frames(20):
        decoder.decode(encoder.encode(pcm))
    assert rms(decoder.conceal()) > 100
    decoder.reset()
    assert rms(decoder.conceal()) < 5


def test_waves_are_the_same_sound_always_in_the_same_place() -> None:
    encoder, decoder = opus.Encoder(fec=True, loss_percent=20), opus.Decoder()
    place = np.empty(960, dtype=np.float32)
    waves = opus.WaveDecoder(place)
    packets = [encoder.encode(pcm) for pcm in frames(30)]
    for number, packet in enumerate(packets[:-1]):
        if number % 10 == 8:
            pcm, wave = decoder.conceal(), waves.conceal()
        elif number % 10 == 9:
            following = packets[number + 1]
            pcm, wave = decoder.decode_fec(following), waves.decode_fec(following)
        else:
            pcm, wave = decoder.decode(packet), waves.decode(packet)
        assert wave is place
        assert np.abs(32768 * wave - pcm).max() <= 0.51
    with pytest.raises(opus.OpusError):
        waves.decode(b"\xff" * 3)
    waves.reset()
    assert np.abs(waves.conceal()).max() < 0.001


def test_only_frames_of_20_ms() -> None:
    with pytest.raises(ValueError, match="960"):
        opus.Encoder().encode(np.zeros(480, dtype=np.int16))
