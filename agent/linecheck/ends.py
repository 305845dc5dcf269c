"""A site's microphone and loudspeaker as the line check has them: it listens to the one and plays
in the other, whatever devices they are and whoever uses them."""

from collections import deque
from collections.abc import Callable

from agent.audio.mixer import add
from agent.devices import Microphone, Pcm, Speaker

Listen = Callable[[Pcm, float], None]


class Ear:
    """A microphone that is listened to as well."""

    def __init__(self, microphone: Microphone) -> None:
        self.listener: Listen | None = None
        """Gets every frame and its time, while there is one."""
        self._microphone = microphone

    def read(self, now: float) -> Pcm:
        """The 960 samples that end about `now`."""
        pcm = self._microphone.read(now)
        if self.listener is not None:
            self.listener(pcm, now)
        return pcm

    def close(self) -> None:
        """Close the device."""
        self._microphone.close()


class Mouth:
    """A loudspeaker in which something else can be played over what sounds."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._frames: deque[Pcm] = deque()
        self.began_at: float | None = None
        """When the first frame of what is played sounded."""

    def play(self, frames: list[Pcm]) -> None:
        """Play these from the next frame on."""
        self._frames = deque(frames)
        self.began_at = None

    def hush(self) -> None:
        """Play nothing any more."""
        self._frames.clear()

    def write(self, pcm: Pcm, now: float) -> None:
        """960 samples that begin to sound at `now`."""
        if self._frames:
            self.began_at = now if self.began_at is None else self.began_at
            pcm = add(pcm, self._frames.popleft())
        self._speaker.write(pcm, now)

    def close(self) -> None:
        """Close the device."""
        self._speaker.close()
