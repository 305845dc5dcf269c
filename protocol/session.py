"""One control connection as the server sees it: a state machine without I/O.

Rules:
- The first frame is a Hello of our version; everything before it is a violation.
- What each role may send is the one table `MAY_SEND`; which commands, `MAY_COMMAND`.
- Moderators, observers and relays come over the Unix socket only (until enrolment exists, the
  operating system's file mode is the admission).
- A frame has at most `MAX_FRAME_BYTES`; binary frames (`protocol.binary`) are the agent's, of its
  own site. Unknown types, unknown fields and floods are violations. A violation ends the connection
  with a Goodbye that says why; nothing else.
"""

from typing import Literal, assert_never

import msgspec

from protocol import MAX_FRAME_BYTES, VERSION
from protocol.binary import Binary, decode_binary
from protocol.commands import LowerHand, RaiseHand
from protocol.messages import (
    Actual,
    Checked,
    Command,
    FromClient,
    FromServer,
    Hello,
    Kept,
    Query,
    RelayTelemetry,
    Role,
    Routed,
    Signal,
    SiteTelemetry,
    Watch,
)

Door = Literal["local", "network"]

MAY_SEND: dict[Role, tuple[type, ...]] = {
    "moderator": (Command, Query, Watch),
    "observer": (Query, Watch),
    "agent": (Actual, SiteTelemetry, Signal, Command, Checked),
    "relay": (Routed, RelayTelemetry, Signal, Kept),
}
LOCAL_ONLY: frozenset[Role] = frozenset({"moderator", "observer", "relay"})
RATE_PER_S: dict[Role, float] = {"moderator": 100, "observer": 10, "agent": 50, "relay": 500}
BURST_S = 5.0


class Violation(msgspec.Struct, frozen=True):
    """The client broke the protocol; `reason` goes into the Goodbye."""

    code: str
    reason: str


_from_client: msgspec.json.Decoder[FromClient] = msgspec.json.Decoder(FromClient)
_from_server: msgspec.json.Decoder[FromServer] = msgspec.json.Decoder(FromServer)
_encoder = msgspec.json.Encoder()


def encode(message: FromClient | FromServer) -> bytes:
    """A message as the JSON text of one frame."""
    return _encoder.encode(message)


def decode_from_server(frame: str | bytes) -> FromServer:
    """The server's message in a frame. Raises msgspec.DecodeError or ValidationError."""
    return _from_server.decode(frame)


def decode_from_client(frame: str | bytes) -> FromClient:
    """The client's message in a frame. Raises msgspec.DecodeError or ValidationError."""
    return _from_client.decode(frame)


class ServerSession:
    """Feed it every frame of one connection; it answers with the message or a Violation.

    `door` is where the connection came in, times are seconds of any monotonic clock.
    """

    def __init__(self, door: Door, now: float) -> None:
        self.door = door
        self.hello: Hello | None = None
        self._tokens = 0.0
        self._refilled_at = now

    def receive(self, frame: str | bytes, now: float) -> FromClient | Binary | Violation:
        """One frame in; the message it carries, or why the connection must end."""
        if isinstance(frame, bytes):
            return self._binary(frame, now)
        if len(frame) > MAX_FRAME_BYTES:
            return Violation("frame-too-big", f"A frame has at most {MAX_FRAME_BYTES} bytes.")
        try:
            message = decode_from_client(frame)
        except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
            return Violation("bad-frame", f"Not a frame of this protocol: {error}"[:300])
        if self.hello is None:
            return self._first(message, now)
        return self._later(self.hello, message, now)

    def _binary(self, frame: bytes, now: float) -> Binary | Violation:
        hello = self.hello
        if hello is None:
            return Violation("binary-frame", "The first frame must be a hello, as JSON text.")
        if hello.role != "agent":
            return Violation("binary-frame", f"The role {hello.role!r} sends JSON text only.")
        try:
            one = decode_binary(frame)
        except ValueError as error:
            return Violation("bad-frame", str(error))
        if one.site != hello.site:
            return Violation("not-allowed", "A site may send its own picture and voice only.")
        return self._within_rate(hello, now) or one

    def _first(self, message: FromClient, now: float) -> FromClient | Violation:
        if not isinstance(message, Hello):
            return Violation("hello-expected", "The first frame must be a hello.")
        if message.version != VERSION:
            return Violation(
                "wrong-version",
                f"This server speaks version {VERSION}, the client {message.version}: "
                "install the same release of Giliran on both.",
            )
        if self.door != "local" and message.role in LOCAL_ONLY:
            return Violation(
                "not-from-here", f"The role {message.role!r} is admitted by the Unix socket only."
            )
        if message.role == "agent" and not message.site:
            return Violation("site-missing", "The hello of an agent names its site.")
        self.hello = message
        self._tokens = RATE_PER_S[message.role] * BURST_S
        self._refilled_at = now
        return message

    def _later(self, hello: Hello, message: FromClient, now: float) -> FromClient | Violation:
        if not isinstance(message, MAY_SEND[hello.role]):
            return Violation(
                "not-allowed", f"The role {hello.role!r} may not send {_tag(message)!r}."
            )
        if flood := self._within_rate(hello, now):
            return flood
        if isinstance(message, Command) and hello.role == "agent":
            body = message.body
            if not isinstance(body, RaiseHand | LowerHand) or body.site != hello.site:
                return Violation("not-allowed", "A site may raise and lower its own hand only.")
        return message

    def _within_rate(self, hello: Hello, now: float) -> Violation | None:
        rate = RATE_PER_S[hello.role]
        elapsed = max(0.0, now - self._refilled_at)
        self._tokens = min(rate * BURST_S, self._tokens + elapsed * rate) - 1
        self._refilled_at = now
        if self._tokens < 0:
            return Violation("flood", f"More than {rate:g} frames a second.")
        return None


def _tag(message: FromClient) -> str:
    return str(type(message).__struct_config__.tag)


def actor(hello: Hello) -> str:
    """How the journal names who sent a command over this connection."""
    match hello.role:
        case "agent":
            return f"site:{hello.site}"
        case "moderator" | "observer" | "relay":
            return hello.role
        case _ as never:
            assert_never(never)
