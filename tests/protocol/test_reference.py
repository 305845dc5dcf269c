"""The generated files of the protocol are what the types say today."""

import json
from pathlib import Path

import pytest

from protocol import messages, reference

HERE = Path(reference.__file__).parent


@pytest.mark.parametrize(
    ("name", "made"), [("schema.json", reference.schema), ("README.md", reference.reference)]
)
def test_generated_files_are_not_stale(name, made):
    assert (HERE / name).read_text(encoding="utf-8") == made(), "run `make docs`"


def test_the_schema_names_every_frame():
    schema = json.loads(reference.schema())
    for side, union in (("FromClient", messages.FromClient), ("FromServer", messages.FromServer)):
        mapping = schema["$defs"][side]["discriminator"]["mapping"]
        assert len(mapping) == len(union.__args__)


def test_every_message_of_the_reference_has_a_sentence():
    text = reference.reference()
    for part in text.split("\n### ")[1:]:
        title, _newline, body = part.partition("\n\n")
        assert body and not body.startswith("|"), f"{title} has no docstring"
