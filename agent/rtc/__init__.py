"""The home of aiortc and aioice: nothing outside this folder imports them.

`connection` is what agent and relay use, and holds the pin's every workaround; `stock` is aiortc as
it is, for comparison.
"""

from agent.rtc.connection import OPUS_PAYLOAD_TYPE, RED_PAYLOAD_TYPE, Connection, Line

__all__ = ["OPUS_PAYLOAD_TYPE", "RED_PAYLOAD_TYPE", "Connection", "Line"]
