"""The site's part of a line check: probes of the line, loudspeaker and microphone, camera."""
