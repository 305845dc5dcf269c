"""What agent/rtc relies on in aiortc, aioice and pylibsrtp, private names included.

When a release changes one of these, this fails before a meeting does: read that folder, adapt it,
then move the pin.
"""

import asyncio
import inspect
import threading
from importlib.metadata import version

import aioice.ice
import aioice.stun
import pylibsrtp
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.rtcconfiguration import RTCBundlePolicy
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.rtcrtpsender import RTCRtpSender
from pylibsrtp._binding import ffi, lib

from agent import lines
from agent.rtc import Connection


def test_the_releases_are_the_pinned_ones() -> None:
    assert version("aiortc") == "1.16.0"
    assert version("aioice") == "0.13.0"
    assert version("pylibsrtp") == "1.0.0"


def test_names_and_signatures() -> None:
    assert list(inspect.signature(aioice.ice.get_host_addresses).parameters) == [
        "use_ipv4",
        "use_ipv6",
    ]
    assert "get_host_addresses(" in inspect.getsource(aioice.ice.Connection.gather_candidates)
    assert inspect.iscoroutinefunction(aioice.ice.Connection.query_consent)
    task = "self._query_consent_task = asyncio.create_task(self.query_consent())"
    assert task in inspect.getsource(aioice.ice.Connection.connect)
    closing = inspect.getsource(aioice.ice.Connection.close)
    assert "self._query_consent_task and not self._query_consent_task.done()" in closing
    session = inspect.getsource(aioice.ice.Connection.__init__)
    for name in ("_tie_breaker", "ice_controlling", "remote_username", "remote_password"):
        assert f"self.{name}" in session
    for name in ("local_username", "local_password"):
        assert isinstance(getattr(aioice.ice.Connection, name), property)
    assert list(inspect.signature(aioice.ice.StunProtocol.datagram_received).parameters) == [
        "self",
        "data",
        "addr",
    ]
    for kind, names in ((RTCRtpSender, ("send", "stop")), (RTCRtpReceiver, ("receive", "stop"))):
        for name in names:
            assert inspect.iscoroutinefunction(getattr(kind, name))
    source = inspect.getsource(RTCRtpReceiver)
    assert "self.__remote_bitrate_estimator = RemoteBitrateEstimator()" in source
    assert "self.__remote_bitrate_estimator is not None" in source, "it may be missing"
    source = inspect.getsource(RTCDtlsTransport._setup_srtp)
    assert "self._rx_srtp = Session" in source and "self._tx_srtp = Session" in source
    assert "allow_repeat_tx = True" in source, "a packet may be protected twice"
    for name in ("protect", "unprotect", "protect_rtcp", "unprotect_rtcp"):
        assert callable(getattr(pylibsrtp.Session, name))


def test_libsrtp_protects_in_place_by_the_context_in_a_session() -> None:
    profile = pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM
    policy = pylibsrtp.Policy(bytes(44), pylibsrtp.Policy.SSRC_ANY_OUTBOUND, 0, profile)
    plain = bytes([0x80, 96, 0, 1]) + bytes(20)
    for name in ("srtp_protect", "srtp_protect_rtcp"):
        ours, theirs = pylibsrtp.Session(policy), pylibsrtp.Session(policy)
        room, length = ffi.new("char[]", 2048), ffi.new("int *")
        memoryview(ffi.buffer(room))[: len(plain)] = plain
        length[0] = len(plain)
        assert getattr(lib, name)(ours._srtp[0], room, length) == lib.srtp_err_status_ok == 0
        usual = getattr(theirs, name.removeprefix("srtp_"))
        assert bytes(ffi.buffer(room, length[0])) == usual(plain)
    length[0] = 3
    assert lib.srtp_protect(ours._srtp[0], room, length) != 0, "and tells what it can't"


def test_a_sender_has_its_ssrc_before_the_offer() -> None:
    async def run() -> None:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        transceiver = peer.addTransceiver("audio", direction="sendonly")
        transceiver.sender._ssrc = 4711
        offer = await peer.createOffer()
        assert "a=ssrc:4711 " in offer.sdp
        await peer.close()

    asyncio.run(run())


def test_the_lines_of_a_downlink_use_one_transport_and_no_thread() -> None:
    async def run() -> None:
        ends: list[Connection] = [
            Connection(
                loopback=True,
                on_rtp=lambda packet, at: None,
                on_rtcp=lambda packet, at: None,
                on_state=lambda state: None,
            )
            for _ in range(2)
        ]
        offering, answering = ends
        threads = set(threading.enumerate())
        offer = await offering.offer(lines.DOWNLINK)
        await offering.accept(await answering.answer(offer))
        await offering.wait_connected(20)
        await answering.wait_connected(20)
        for end in ends:
            transceivers = end._peer.getTransceivers()
            assert len(transceivers) == len(lines.DOWNLINK)
            assert len({id(t.receiver.transport) for t in transceivers}) == 1
            ice = end._dtls.transport._connection
            assert len(ice._protocols) == 1
            (protocol,) = ice._protocols
            # What asyncio has of a socket, which we read.
            assert protocol.transport._sock.fileno() == protocol.transport._sock_fd
            loop = asyncio.get_running_loop()
            assert callable(loop._add_reader)  # type: ignore[attr-defined]
            assert end._consent is not None, "aioice called ours"
            assert 1 in ice._nominated
            assert hasattr(ice._nominated[1].protocol, "transport")
            assert ice._nominated[1].remote_addr[0] == "127.0.0.1"
            estimator = "_RTCRtpReceiver__remote_bitrate_estimator"
            assert {vars(t.receiver)[estimator] for t in transceivers} == {None}
            # Neither sender nor receiver of aiortc was ever started.
            assert not end._dtls._rtp_router.receivers
            assert not end._dtls._rtp_router.senders
        assert {line.ssrc for line in answering.remote_lines} == set(lines.SLOT_OF_SSRC)
        assert answering.payload_type("audio") == lines.OPUS_PAYLOAD_TYPE
        assert answering.payload_type("video") == lines.VP8_PAYLOAD_TYPE
        assert set(threading.enumerate()) == threads
        for end in ends:
            await end.close()

    asyncio.run(run())


def test_the_bundle_policy_is_there() -> None:
    assert RTCBundlePolicy.MAX_BUNDLE.value == "max-bundle"
