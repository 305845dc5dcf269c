"""The page on the form of the minutes says what the form is."""

import msgspec

from console.minutes import form, reference


def test_the_page_is_not_stale():
    assert reference.PAGE.read_text("utf-8") == reference.reference(), "run `make docs`"


def test_every_part_of_the_form_is_on_the_page():
    known = {
        one
        for one in vars(form).values()
        if isinstance(one, type) and issubclass(one, msgspec.Struct) and one.__doc__
    }
    assert known - set(reference.PARTS) == {form.Style}
    page = reference.reference()
    for part in reference.PARTS:
        assert f"## {part.__name__}\n" in page
        for field in part.__struct_fields__:
            assert f"| `{field}` |" in page
