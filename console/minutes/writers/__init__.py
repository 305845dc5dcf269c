"""The writers: each turns the worded document into the bytes of one format.

Layout and fixed wording are in `console/minutes/templates`; a writer only carries text there
unharmed. `render` gives bytes and touches no file; `write_<format>` puts them in their place.
"""
