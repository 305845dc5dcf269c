"""Frames of the control protocol `giliran.v1`: JSON text over WebSocket, one frame a message.

Docstring form: *Sent by X to Y when Z; answered by W.* `FromClient` and `FromServer` are the
two unions; anything else is a violation (`protocol.session`).
"""

from typing import Annotated, Any, Literal

import msgspec

from protocol.commands import ModeratorCommand
from protocol.events import CameraSeen as CameraSeen  # named here for agents and relay
from protocol.events import LineFigures as LineFigures
from protocol.events import MediaMode as MediaMode
from protocol.events import Recorded
from protocol.events import VoiceMode as VoiceMode
from protocol.queries import Found, QueryBody

CommandId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Role = Literal["moderator", "observer", "agent", "relay"]
Microphone = Literal["live", "muted"]
Camera = Literal["live", "low", "off"]
"""`live` sends its picture large and small, `low` small only."""

Lack = Literal["none", "starting", "link", "picture"]
"""Why less goes out of a camera than is desired: nothing lacks; it begins; the link carries no
more; the camera gives no picture."""

Picture = Literal["high", "low", "none"]
LinkState = Literal["down", "connecting", "up"]
SlotName = Literal["main", "second", "chair", "floor", "panel-1", "panel-2"]
Cue = Literal["none", "on-deck", "live", "low", "over"]
"""What a room is told: it is next; its microphone is open; its time ends soon; its time is up."""
AUDIO_SLOTS: tuple[SlotName, ...] = ("chair", "floor", "panel-1", "panel-2")
VIDEO_SLOTS: tuple[SlotName, ...] = ("main", "second")
NO_SNAPSHOT = msgspec.Raw(b"null")


class _Message(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", omit_defaults=True
):
    pass


class _Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


# -- from client to server ----------------------------------------------------------------------


class Hello(_Message, frozen=True, tag="hello"):
    """Sent by every client as its first frame; answered by Welcome or Goodbye.

    `site` names the site of an agent; `instance` is new at every start of a process; `resume`
    is the last journal seq a console has seen (0: none).
    """

    role: Role
    version: int
    site: str = ""
    instance: str = ""
    software: str = ""
    pid: int = 0
    resume: int = 0


class Command(_Message, frozen=True, tag="command"):
    """Sent by a console (or an agent, for its hand); answered by Ack or Refused with the same id.

    `id` is a UUIDv7 made by the client; a command sent again with its id is applied once.
    """

    id: CommandId
    body: ModeratorCommand


class Query(_Message, frozen=True, tag="query"):
    """Sent by a console to look something up in the journal; answered by Answer or Refused with
    the same id. Lost with the connection: ask again."""

    id: CommandId
    body: QueryBody


class Watch(_Message, frozen=True, tag="watch"):
    """Sent by a console to say of which sites it wants small pictures (binary frames): of those
    that speak and come next, of all, of none. Not answered; lost with the connection."""

    previews: Literal["none", "next", "all"]


class Actual(_Message, frozen=True, tag="actual"):
    """Sent by an agent to the server when its state changed, and after each Desired.

    `revision` is that of the Desired it carries out. `camera` is what goes out of its picture now,
    `lack` why that is less than was desired. `hearing` names the slots from which sound arrives,
    `seeing` those from which whole pictures arrive; `cue` is what the room is told.
    """

    revision: int
    microphone: Microphone
    camera: Camera
    uplink: LinkState
    downlink: LinkState
    hearing: tuple[SlotName, ...] = ()
    seeing: tuple[SlotName, ...] = ()
    trouble: str = ""
    cue: Cue = "none"
    lack: Lack = "none"


class ProcessReading(_Value, frozen=True):
    """What a process uses: resident memory, threads of the system, tasks of its event loop."""

    rss_mb: float = 0.0
    threads: int = 0
    tasks: int = 0


class SiteReading(_Value, frozen=True):
    """What an agent measured in the last telemetry interval.

    Levels are -dBov per RFC 6464 (0 loudest, 127 silent); `own_level` is the microphone before
    the gate, so that a muted site shows life; `heard` is each slot as it is played. Loss is after
    recovery for `gap_percent`, before it for `loss_percent`. `mos` estimates how clear what the
    site hears now is, `mos_cq` how good it is to talk over, which counts the delay too (E-model,
    ITU-T G.107; RFC 3611's listening and conversational quality: 1 to 4.5; 0 while nothing is
    heard), `voice` is the mode in use. `audio_kbps` is the Opus bitrate it sends (0: none),
    `redundancy` the redundant copies it sends with each packet (RFC 2198), `video_kbps` what its
    ladder allows for video (0: cut), `queue_ms` the estimated queueing on its downlink. `frozen`
    counts the times a picture stood still for more than half a second though it should move,
    `lip_ms` is how much later a picture was shown than its sound was heard (negative: earlier).
    `slot_loss` is what was lost of each slot before recovery, in percent, of those that flow.
    """

    own_level: int = 127
    heard_level: int = 127
    rtt_ms: float = 0.0
    jitter_ms: float = 0.0
    loss_percent: float = 0.0
    gap_percent: float = 0.0
    delay_ms: float = 0.0
    up_kbps: float = 0.0
    down_kbps: float = 0.0
    fps: float = 0.0
    cpu_percent: float = 0.0
    late_ms: float = 0.0
    mos: float = 0.0
    mos_cq: float = 0.0
    voice: Literal["conversation", "clear"] = "conversation"
    audio_kbps: float = 0.0
    redundancy: int = 0
    video_kbps: float = 0.0
    queue_ms: float = 0.0
    heard: dict[SlotName, int] = {}
    process: ProcessReading = ProcessReading()
    frozen: int = 0
    lip_ms: float = 0.0
    slot_loss: dict[SlotName, float] = {}


class SiteTelemetry(_Message, frozen=True, tag="site-telemetry"):
    """Sent by an agent to the server twice a second; unsequenced, the latest wins."""

    reading: SiteReading


class LinkReading(_Value, frozen=True):
    """What the relay measured of one site's two connections in the last interval.

    `up_mos` estimates how clear the site's voice arrives at the relay (as `SiteReading.mos`),
    `redundancy` counts the redundant copies per packet the relay sends to it, `video` tells that
    it forwards video to it, `picture` the largest that the downlink carries, `up_queue_ms`
    estimates the queueing on the uplink, `available_kbps` what the downlink carries (0: unknown),
    `down_dropped` counts packets that were not sent since the connection was made: the relay's
    socket did not take them and had no room to keep them, or they had waited too long; `resent`
    those sent to it again, `damaged` those that came and could not be decrypted.
    """

    uplink: LinkState = "down"
    downlink: LinkState = "down"
    up_kbps: float = 0.0
    down_kbps: float = 0.0
    up_packets: int = 0
    down_packets: int = 0
    up_loss_percent: float = 0.0
    down_loss_percent: float = 0.0
    rtt_ms: float = 0.0
    closed_packets: int = 0
    silent_ms: int = 0
    up_mos: float = 0.0
    redundancy: int = 0
    video: bool = True
    up_queue_ms: float = 0.0
    available_kbps: float = 0.0
    picture: Picture = "high"
    down_dropped: int = 0
    resent: int = 0
    damaged: int = 0


class RecordingReading(_Value, frozen=True):
    """How the relay's recorder stands. `full`: it ended before the disk was full; `failed`: it
    could not write, `trouble` says why. `seconds` and `size_bytes` are the segment's; `dropped`
    counts frames the disk was too slow for since the relay's start.
    """

    state: Literal["off", "on", "full", "failed"] = "off"
    meeting: str = ""
    segment: str = ""
    seconds: float = 0.0
    size_bytes: int = 0
    free_mb: int = 0
    dropped: int = 0
    trouble: str = ""


class RelayReading(_Value, frozen=True):
    """What the relay measured of itself since its start. `slot_packets` counts what went into each
    slot, once however many get it."""

    packets_in: int = 0
    packets_out: int = 0
    cpu_us_per_packet_out: float = 0.0
    forward_delay_median_ms: float = 0.0
    forward_delay_p99_ms: float = 0.0
    late_ms: float = 0.0
    recording: RecordingReading = RecordingReading()
    cpu_percent: float = 0.0
    process: ProcessReading = ProcessReading()
    slot_packets: dict[str, int] = {}


class RelayTelemetry(_Message, frozen=True, tag="relay-telemetry"):
    """Sent by the relay to the server twice a second; unsequenced, the latest wins."""

    reading: RelayReading
    links: dict[str, LinkReading]


class Routed(_Message, frozen=True, tag="routed"):
    """Sent by the relay to the server when a Route is carried out."""

    revision: int


class Signal(_Message, frozen=True, tag="signal"):
    """An SDP description between agent and relay, carried by the server untouched.

    To the server `peer` is the addressee (a site id, or `relay`), from it the sender. `attempt`
    is made by the agent for each try to connect; descriptions of another attempt are stale.
    `link` says which of the two connections: the agent offers `uplink`, the relay `downlink`.
    `description` empty with kind `bye` ends the attempt (to the relay with `attempt` empty: any).
    """

    peer: str
    attempt: str
    link: Literal["uplink", "downlink"]
    kind: Literal["offer", "answer", "bye"]
    description: str = ""


class Kept(_Message, frozen=True, tag="kept"):
    """Sent by the relay to the server for each site whose voice it records, once a second, and
    after each piece of kept voice (`protocol.binary`); carried on to the site. Answered by nothing.

    The frames of `ssrc` whose numbers are in `runs` (first and last of each) are on the disk.
    """

    site: str
    ssrc: int
    runs: tuple[tuple[int, int], ...]


class Checked(_Message, frozen=True, tag="checked"):
    """Sent by an agent to the server when it has carried out the line check that Desired asks for,
    and again when it connects anew while Desired still asks. Answered by a Desired without it.
    """

    check: str
    figures: LineFigures


FromClient = (
    Hello
    | Command
    | Query
    | Watch
    | Actual
    | SiteTelemetry
    | RelayTelemetry
    | Routed
    | Signal
    | Kept
    | Checked
)


# -- from server to client ----------------------------------------------------------------------


class Welcome(_Message, frozen=True, tag="welcome"):
    """Sent by the server to a client whose Hello it accepts.

    `snapshot` is the meeting's state as `console.meeting.state` encodes it (consoles only; JSON
    null when the events since `resume` follow instead); `seq` the last journal number; `time` the
    server's clock in ms of UTC.
    """

    seq: int
    time: int
    server: str
    snapshot: msgspec.Raw = msgspec.field(default_factory=lambda: NO_SNAPSHOT)

    @property
    def has_snapshot(self) -> bool:
        return bytes(self.snapshot) != bytes(NO_SNAPSHOT)


class Ack(_Message, frozen=True, tag="ack"):
    """Sent by the server when the events of a command are committed; `seq` is the last of them."""

    id: str
    seq: int


class Refused(_Message, frozen=True, tag="refused"):
    """Sent by the server when a command is not carried out; `reason` is for a person.

    `code` is stable, `reason` English, `arguments` fill a client's own translation of the code.
    """

    id: str
    code: str
    reason: str
    arguments: dict[str, Any] = {}


class Answer(_Message, frozen=True, tag="answer"):
    """Sent by the server: what the journal says to the Query of this id."""

    id: str
    body: Found


class Occurred(_Message, frozen=True, tag="event"):
    """Sent by the server to consoles for every journalled event, in order of `seq`."""

    recorded: Recorded


class CheckOrder(_Value, frozen=True):
    """A line check that a site is to carry out: `turn` of `turns` is its place among those that
    test the bandwidth one after the other. `gentle`: not at all, and few packets."""

    id: str
    turn: int = 0
    turns: int = 1
    gentle: bool = False


class Desired(_Message, frozen=True, tag="desired"):
    """Sent by the server to an agent: the whole state it is to be in; idempotent.

    `relay` is the instance of the relay to be connected to (empty: none is up). `slots` names
    the site that feeds each slot. `volume` in percent, `hand` tells that the site's hand is up.
    `voice` and `media` are what the operator forces, `auto` leaves the choice to the agent;
    `hurried` tells that somebody else is held to conversation, `recording` that the meeting is
    being recorded, which the site is shown. `cue` is what the room is to be told, by sound when it
    changes and by a line on its screen. `preview_s` asks for
    a small picture that often (`protocol.binary`; 0: none). `check` is a line check to be carried
    out once, and answered by Checked; without it one that goes on is given up. Answered by Actual.
    """

    revision: int
    relay: str
    microphone: Microphone
    camera: Camera
    slots: dict[SlotName, str]
    labels: dict[SlotName, str] = {}
    volume: int = 100
    hand: bool = False
    banner: str = ""
    meeting: str = ""
    voice: VoiceMode = "auto"
    media: MediaMode = "auto"
    hurried: bool = False
    recording: bool = False
    preview_s: float = 0.0
    cue: Cue = "none"
    check: CheckOrder | None = None


class RecordOrder(_Value, frozen=True):
    """What the relay is to record: the program of this meeting, until the disk has less than
    `stop_free_mb` left."""

    meeting: str
    stop_free_mb: int = 0


class Route(_Message, frozen=True, tag="route"):
    """Sent by the server to the relay: which site feeds each slot; the whole of it, idempotent.

    Nothing is forwarded from a site that feeds no slot; one that `sites` does not name is sent away
    (none named: nobody is). `voice` and `media` hold the sites for
    which the operator forces something, all others are `auto`. `record` is what is to be
    recorded, None: nothing. `deck` is the site on deck, whose small picture the site that feeds
    `chair` is shown in `second`. Answered by Routed.
    """

    revision: int
    slots: dict[SlotName, str]
    sites: tuple[str, ...]
    voice: dict[str, VoiceMode] = {}
    media: dict[str, MediaMode] = {}
    record: RecordOrder | None = None
    deck: str = ""


class SiteStatus(_Value, frozen=True):
    """One site as the server knows it now, beside the journal: what it says of itself, what
    the relay says of it. `actual` None: not connected. `closed_packets` counts packets
    of this site's voice that arrived at the relay while it fed no slot, more than a second after
    it did and half a second before it did again, in the last interval.
    """

    connected: bool = False
    desired_microphone: Microphone = "muted"
    actual: Actual | None = None
    reading: SiteReading | None = None
    link: LinkReading | None = None


class Telemetry(_Message, frozen=True, tag="telemetry"):
    """Sent by the server to consoles four times a second; unsequenced, the latest wins.

    Holds the sites whose status changed since the last one (`whole`: all of them).
    """

    at: int
    sites: dict[str, SiteStatus]
    whole: bool = False
    relay: RelayReading | None = None
    relay_up: bool = False
    relay_pid: int = 0
    consoles: int = 0
    process: ProcessReading = ProcessReading()


class Goodbye(_Message, frozen=True, tag="goodbye"):
    """Sent by the server before it closes a connection for a reason the client should know."""

    code: str
    reason: str


FromServer = (
    Welcome
    | Ack
    | Refused
    | Answer
    | Occurred
    | Desired
    | Route
    | Signal
    | Kept
    | Telemetry
    | Goodbye
)
Message = FromClient | FromServer
