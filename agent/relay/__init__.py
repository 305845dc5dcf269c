"""`giliran relay`: forwards encoded RTP by slots; a selective forwarding middlebox (RFC 7667 §3.7).

Rules:
- It decodes nothing and decides nothing: the server's Route says which site feeds which slot.
- Nothing is forwarded from a site that feeds no slot, and a site is never sent its own media.
- A picture's packet is rewritten once for all receivers (`agent.forward`), a frame of voice packed
  once for every set of redundant copies that some receiver needs; then it is protected and sent.
- Each hop heals itself: lost packets are asked for upstream (`uplinks`), and receivers' requests
  are answered from the slot's own history (`downlinks`). How much redundancy a receiver gets, and
  whether its link carries pictures at all, is its own matter (`agent.downstream`); so is what a
  site is told of its uplink.
- Losing the server changes nothing in what is forwarded.

`process` is the command, `relay` the server's link and the connections, `forwarding` what becomes
of a packet, `bulk` how pictures go to many while voices go first, `telemetry` what is told of it.
"""
