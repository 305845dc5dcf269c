"""The control protocol of Giliran: what console, server, agent and relay say to each other.

Knows neither console nor agent. `commands` and `events` are the meeting's vocabulary, `messages`
the frames around them, `session` the rules of one connection, `link` the one reconnecting client.
"""

VERSION = 1
SUBPROTOCOL = "giliran.v1"
MAX_FRAME_BYTES = 256 * 1024
