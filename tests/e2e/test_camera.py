"""What goes out of a camera, as the site's agent tells it: real agents, relay and server."""

from pathlib import Path

from protocol import commands as c
from protocol import messages as m
from tests.e2e.room import Equipment, Room


async def test_the_server_knows_what_goes_out_of_each_camera(tmp_path: Path) -> None:
    room = Room(tmp_path, 2, {"siak": Equipment(camera="synthetic")})
    async with room.open():
        first, second = [name for name in room.names if name in room.server.state.queue]

        def told(name: str) -> tuple[m.Camera, m.Lack]:
            actual = room.server.status[name].actual
            return ("off", "starting") if actual is None else (actual.camera, actual.lack)

        await room.wait_for(lambda: told(first) == ("low", "none"), "the next one is ready")
        await room.server.submit(c.GrantFloor(first))
        await room.wait_for(lambda: told(first) == ("live", "none"), "the speaker is shown")
        await room.server.submit(c.GrantFloor(second))
        await room.wait_for(lambda: told(second) == ("off", "picture"), "its camera is none")
        await room.wait_for(lambda: told(first) == ("off", "none"), "it is closed again")
