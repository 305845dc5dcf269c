"""Where in the minutes a text stands, so that an erratum can name the place.

Pure. Parts are named as they are printed: `Kepala` (head), `A`, `B.3`, `C.1`, `D.2`, `E`,
`Lampiran I.4`.
"""

from collections.abc import Iterator

from console.minutes.form import Minutes, one_line


def parts(minutes: Minutes) -> Iterator[tuple[str, str]]:
    """(part, text) of everything that can be wrong, in printed order."""
    head = (
        minutes.name,
        minutes.number,
        minutes.day,
        minutes.called,
        minutes.time,
        minutes.place,
        *minutes.agenda,
        minutes.leaders.chair,
        minutes.leaders.deputy,
        minutes.leaders.secretary,
        minutes.leaders.note_taker,
        minutes.participants,
        *minutes.guests,
    )
    for text in head:
        yield "Kepala", text
    for text in minutes.opening:
        yield "A", text
    for block in minutes.discussion:
        said = [p for report in block.reports for p in report.paragraphs]
        for text in (block.heading, ", ".join(block.topics), *said, *block.directions):
            yield f"B.{block.number}", text
        for text in block.notes:
            yield f"B.{block.number}", text
    for text in (*minutes.directions, *minutes.notes, *minutes.silent):
        yield "B", text
    for number, text in enumerate(minutes.decisions, 1):
        yield f"C.{number}", text
    for row in minutes.follow_ups:
        for text in (row.text, row.owner, row.due, row.status, row.how):
            yield f"D.{row.number}", text
    for row in minutes.earlier_follow_ups:
        for text in (row.text, row.origin, row.owner, row.due, row.status, row.how):
            yield f"D (rapat sebelumnya).{row.number}", text
    for text in minutes.closing:
        yield "E", text
    for one in minutes.attendance:
        for text in (one.name, one.office, one.place, one.arrived, one.left, one.remark):
            yield f"Lampiran I.{one.number}", text
    for turn in minutes.turns:
        for text in (turn.speaker, turn.starts, turn.ends, turn.spoken, turn.remark):
            yield f"Lampiran II.{turn.number}", text


def places_of(minutes: Minutes, text: str) -> list[str]:
    """The parts in which `text` stands, each once, in printed order."""
    wanted = one_line(text)
    return list(dict.fromkeys(part for part, one in parts(minutes) if wanted and wanted in one))
