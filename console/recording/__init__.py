"""Recordings as the console sees them: what the journal says of them, where they lie, how long
they are kept. The media itself is the business of `agent.recording`, reached by name."""
