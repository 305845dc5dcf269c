"""Forms below the minutes: submit, approve, return, correct. Each asks who does it, for the record.

A form says beside its field what is wrong; what is typed is kept as in every form.
"""

from collections.abc import Callable
from typing import Literal

from textual.app import ComposeResult
from textual.widgets import Input

from console.tui.client import Kept
from console.tui.fields import Field, Line, bad_line
from console.tui.forms import DRAFT_AFTER_S, Form
from protocol import commands as c
from protocol.words import N_, _, word

Step = Literal["submit", "approve", "return", "correct"]
TITLES: dict[Step, str] = {
    "submit": N_("Submit the minutes"),
    "approve": N_("Approve the minutes"),
    "return": N_("Return the minutes"),
    "correct": N_("Erratum of the minutes"),
}
FIELDS: dict[Step, tuple[tuple[str, str, str], ...]] = {
    "submit": (("by", N_("By"), N_("who submits them; may be left empty")),),
    "approve": (("by", N_("By"), N_("who approves them; may be left empty")),),
    "return": (
        ("reason", N_("Reason"), N_("what is to be done to them")),
        ("by", N_("By"), N_("who returns them; may be left empty")),
    ),
    "correct": (
        ("was", N_("It says"), N_("the words of the minutes that are wrong")),
        ("text", N_("Must read"), N_("how it must read")),
        ("reason", N_("Reason"), N_("why")),
        ("part", N_("Where"), N_("such as B.3; needed when the words stand in several places")),
        ("by", N_("By"), N_("who corrects them; may be left empty")),
    ),
}
NEEDED = frozenset({"was", "text", "reason"})
Places = Callable[[str], list[str]]
"""Where in the minutes these words stand."""


class StepForm(Form):
    """What is asked before a step of the minutes; Enter goes on, and does it in the last field."""

    def __init__(
        self,
        step: Step,
        meeting: str,
        by: str,
        places: Places,
        kept: Kept,
        draft_after_s: float = DRAFT_AFTER_S,
    ) -> None:
        super().__init__(f"{step}:{meeting}", word(TITLES[step]), kept, draft_after_s)
        self.step: Step = step
        self._meeting = meeting
        self._by = by
        self._places = places
        self.lines = len(FIELDS[step]) + 1
        self.styles.height = self.lines

    def compose(self) -> ComposeResult:
        """A line a field."""
        yield self.heading()
        for name, label, hint in FIELDS[self.step]:
            text = self._kept.get(name, self._by if name == "by" else "")
            yield Field(word(label), text, word(hint), name)

    def start(self) -> None:
        """Start with the first field."""
        self.query(Line).first().focus()

    def _values(self) -> Kept:
        return {line.name or "": line.value.strip() for line in self.query(Line)}

    def fields(self) -> Kept:
        """Every field, when one of them is not as it was proposed."""
        values = self._values()
        proposed = {name: self._by if name == "by" else "" for name in values}
        return {} if values == proposed else values

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes on."""
        self.go_on(event)

    def save(self) -> None:
        """Check every field."""
        values = self._values()
        for name, value in values.items():
            wrong = bad_line(value)
            if name in NEEDED and not value:
                wrong = _("nothing is written yet")
            if wrong:
                self.complain(name, wrong)
                return
        if self.step == "correct" and not self._is_placed(values):
            return
        self.wrote((self._command(values),))

    def _is_placed(self, values: Kept) -> bool:
        """The words stand in the minutes, and in one place or in the part that is named."""
        places, part = self._places(values["was"]), values["part"]
        if not places:
            self.complain("was", _("these words do not stand in the minutes"))
        elif part and part not in places:
            named = ", ".join(places)
            self.complain("part", _("the words stand in {places}").format(places=named))
        elif not part and len(places) > 1:
            named = ", ".join(places)
            self.complain("part", _("say which: {places}").format(places=named))
        else:
            values["part"] = part or places[0]
            return True
        return False

    def _command(self, values: Kept) -> c.ModeratorCommand:
        by, meeting = values["by"], self._meeting
        match self.step:
            case "submit":
                return c.SubmitMinutes(meeting, by)
            case "approve":
                return c.ApproveMinutes(meeting, by)
            case "return":
                return c.ReturnMinutes(values["reason"], meeting, by)
            case "correct":
                part = values["part"]
                return c.CorrectMinutes(
                    values["was"], values["text"], values["reason"], part, meeting, by
                )
