"""All lines at once, with real server, relay and agents: each fault is named at its site."""

from pathlib import Path

import pytest

from console.commands.check import NotDoneError, _checked, table
from protocol import commands as c
from protocol.words import use_language
from tests.e2e.room import HALL, Equipment, Room

pytestmark = pytest.mark.realtime

EQUIPMENT = {
    HALL: Equipment("room", "room", "synthetic"),
    "siak": Equipment("room:dead", "room", "synthetic"),
    "sungai-apit": Equipment("room", "room:silent", "synthetic"),
    "minas": Equipment("room", "room", "synthetic", "loss=10%,rtt=40ms,seed=4"),
    "tualang": Equipment("room", "room", "synthetic:frozen"),
    "sungai-mandau": Equipment("room", "room", "synthetic:black", "rate=64k"),
}
FAULTS = {
    "siak": {"microphone-dead"},
    "sungai-apit": {"speaker-silent"},
    "minas": {"loss-up", "loss-down"},
    "tualang": {"camera-frozen"},
    "sungai-mandau": {"camera-black", "slow-up", "slow-down"},
}
MACHINE = {"delay", "jitter", "clock"}
"""What a machine that is too slow for the test adds."""


async def test_every_fault_is_named_at_its_site(tmp_path: Path):
    """A dead microphone, a silent loudspeaker, 10 % loss, a frozen and a black camera, a thin link;
    and a hall in order. Driven as `giliran check` does it."""
    use_language("en")
    room = Room(tmp_path, 5, EQUIPMENT)
    async with room.gathered():
        state, lines = await _checked(f"unix:{tmp_path / 's'}", ())
        assert state.check is None
        assert not any(site.sender.microphone_open for site in room.sites.values())
        assert room.server.state.lines == lines
        replayed = room.server.journal.read(room.server.state.id)
    assert set(lines) == set(room.names)
    found = {site: set(one.faults) - MACHINE for site, one in lines.items()}
    assert found == {HALL: set(), **FAULTS}
    assert {site for site, one in lines.items() if one.verdict == "poor"} >= set(FAULTS)
    minas = lines["minas"].figures
    assert minas.loss_up_percent and minas.loss_down_percent
    assert 5 <= minas.loss_up_percent <= 16 and 5 <= minas.loss_down_percent <= 16
    assert minas.rtt_ms is not None and minas.rtt_ms >= 40
    thin, whole = lines["sungai-mandau"].figures, lines[HALL].figures
    assert thin.up_kbps and thin.up_kbps <= 66 and thin.down_kbps and thin.down_kbps <= 66
    assert whole.up_kbps and whole.up_kbps > 80 and whole.down_kbps and whole.down_kbps > 80
    assert whole.free_mb and whole.version == "giliran 0.1.0"
    printed = "\n".join(table(state, lines))
    for words in ("microphone is dead", "loudspeaker is silent", "% of what it sends is lost"):
        assert words in printed
    assert "picture is frozen" in printed and "picture is black" in printed
    assert [one.event.site for one in replayed if one.event.__struct_config__.tag == "line-checked"]


async def test_a_call_goes_first_and_leaves_nothing_of_the_check(tmp_path: Path):
    """The meeting opens and a site is called while lines are being checked."""
    room = Room(tmp_path, 2, {name: Equipment("room", "room") for name in ("siak", HALL)})
    async with room.gathered():
        server = room.server
        await server.submit(c.CheckLines())
        ears = [room.sites[name]._check._ear for name in ("siak", HALL)]
        await room.wait_for(lambda: all(ear.listener for ear in ears), "they listen")
        await server.submit(c.OpenMeeting())
        assert server.state.check is None
        await server.submit(c.CallNext())
        called = server.state.holder
        assert called is not None
        with pytest.raises(NotDoneError, match="lines are checked before the meeting"):
            await _checked(f"unix:{tmp_path / 's'}", ())
        await room.wait_for(lambda: not any(ear.listener for ear in ears), "nobody listens")
        heard = [name for name in room.names if name != called]
        await room.wait_for(
            lambda: all("floor" in room.sites[name].receiver.hearing() for name in heard),
            "the called site is heard",
        )
    assert server.state.lines == {}
