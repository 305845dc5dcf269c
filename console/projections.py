"""Tables derived from the events, for Datasette, sqlite-utils and our own lists.

Written from the difference of two states in the transaction of the events; never read by the
rules. Times are ms of UTC.
"""

import json
import sqlite3

import sqlite_utils

from console.meeting.state import Carried, FollowUp, Meeting

TABLES = ("meetings", "sites", "attendance", "turns", "reports", "follow_ups", "notes")


CLOSING: dict[str, type] = {"closed_at": int, "closed_in": str, "how": str}
"""When a follow-up was said to be done, in which meeting, and how; null while it is open."""


def create_projections(db: sqlite_utils.Database) -> None:
    """Create the tables and the full-text index over reports."""
    db.table("meetings").create(
        {
            "id": str,
            "title": str,
            "place": str,
            "convened_at": int,
            "opened_at": int,
            "closed_at": int,
        },
        pk="id",
    )
    db.table("sites").create(
        {
            "meeting": str,
            "site": str,
            "name": str,
            "kind": str,
            "officer": str,
            "title": str,
            "position": int,
            "distance_km": float,
        },
        pk=("meeting", "site"),
        foreign_keys=[("meeting", "meetings", "id")],
    )
    db.table("attendance").create(
        {
            "meeting": str,
            "site": str,
            "attendance": str,
            "note": str,
            "arrived_at": int,
            "left_at": int,
        },
        pk=("meeting", "site"),
        foreign_keys=[("meeting", "meetings", "id")],
    )
    db.table("turns").create(
        {
            "meeting": str,
            "number": int,
            "site": str,
            "granted_at": int,
            "ended_at": int,
            "status": str,
            "allowance_s": int,
            "spoken_ms": int,
            "drops": int,
            "away_ms": int,
        },
        pk=("meeting", "number"),
        foreign_keys=[("meeting", "meetings", "id")],
    )
    db.table("reports").create(
        {
            "id": str,
            "meeting": str,
            "site": str,
            "turn": int,
            "at": int,
            "text": str,
            "tags": str,
            "wordings": int,
        },
        pk="id",
        foreign_keys=[("meeting", "meetings", "id")],
    )
    db.table("reports").enable_fts(["text", "tags"], create_triggers=True)
    db.table("follow_ups").create(
        {
            "id": str,
            "meeting": str,
            "site": str,
            "text": str,
            "owner": str,
            "due": str,
            "at": int,
            **CLOSING,
        },
        pk="id",
        foreign_keys=[("meeting", "meetings", "id")],
    )
    db.table("notes").create(
        {"id": str, "meeting": str, "site": str, "kind": str, "text": str, "at": int},
        pk="id",
        foreign_keys=[("meeting", "meetings", "id")],
    )


def drop_projections(db: sqlite_utils.Database) -> None:
    """Drop them all; the events stay."""
    if "reports_fts" in db.table_names():
        db.table("reports").disable_fts()
    for name in reversed(TABLES):
        db.table(name).drop(ignore=True)


def project(connection: sqlite3.Connection, before: Meeting, after: Meeting) -> None:
    """Write what changed between two states of one meeting."""
    new = before.id != after.id
    head = _meeting_row(after)
    if new or head != _meeting_row(before):
        _put(connection, "meetings", head)
    for site, one in after.sites.items():
        if not new and before.sites.get(site) is one:
            continue
        entry = one.entry
        if new:
            _put(
                connection,
                "sites",
                {
                    "meeting": after.id,
                    "site": site,
                    "name": entry.name,
                    "kind": entry.kind,
                    "officer": entry.officer,
                    "title": entry.title,
                    "position": entry.position,
                    "distance_km": entry.distance_km,
                },
            )
        _put(
            connection,
            "attendance",
            {
                "meeting": after.id,
                "site": site,
                "attendance": one.attendance,
                "note": one.attendance_note,
                "arrived_at": one.arrived_at,
                "left_at": one.left_at,
            },
        )
    known_turns = () if new else before.turns
    for turn in after.turns:
        if turn.number <= len(known_turns) and known_turns[turn.number - 1] is turn:
            continue
        _put(
            connection,
            "turns",
            {
                "meeting": after.id,
                "number": turn.number,
                "site": turn.site,
                "granted_at": turn.granted_at,
                "ended_at": turn.ended_at,
                "status": turn.status,
                "allowance_s": turn.allowance_s,
                "spoken_ms": turn.spoken_ms,
                "drops": turn.drops,
                "away_ms": turn.away_ms,
            },
        )
    for report in _changed(() if new else before.reports, after.reports):
        _put(
            connection,
            "reports",
            {
                "id": report.id,
                "meeting": after.id,
                "site": report.site,
                "turn": report.turn,
                "at": report.at,
                "text": report.text,
                "tags": json.dumps(report.tags, ensure_ascii=False),
                "wordings": len(report.wordings),
            },
        )
    for follow_up in _changed(() if new else before.follow_ups, after.follow_ups):
        _put(
            connection,
            "follow_ups",
            {
                "id": follow_up.id,
                "meeting": after.id,
                "site": follow_up.site,
                "text": follow_up.text,
                "owner": follow_up.owner,
                "due": follow_up.due,
                "at": follow_up.at,
                **_closing(after, follow_up),
            },
        )
    for carried in _changed(() if new else before.carried, after.carried):
        # Its row belongs to the meeting that noted it.
        closing = _closing(after, carried)
        columns = ", ".join(f"{name} = ?" for name in closing)
        connection.execute(
            f"update follow_ups set {columns} where id = ?", (*closing.values(), carried.id)
        )
    for note in _changed(() if new else before.notes, after.notes):
        _put(
            connection,
            "notes",
            {
                "id": note.id,
                "meeting": after.id,
                "site": note.site,
                "kind": note.kind,
                "text": note.text,
                "at": note.at,
            },
        )


def _closing(state: Meeting, one: FollowUp | Carried) -> dict[str, object]:
    if one.closed_at is None:
        return dict.fromkeys(CLOSING)
    return {"closed_at": one.closed_at, "closed_in": state.id, "how": one.how or None}


def add_closing(db: sqlite_utils.Database) -> None:
    """For a journal from before follow-ups could be closed, or be said to be done somehow."""
    table = db.table("follow_ups")
    for name, kind in CLOSING.items():
        if name not in table.columns_dict:
            table.add_column(name, kind)


def _meeting_row(state: Meeting) -> dict[str, object]:
    return {
        "id": state.id,
        "title": state.plan.title,
        "place": state.plan.place,
        "convened_at": state.convened_at,
        "opened_at": state.opened_at,
        "closed_at": state.closed_at,
    }


def _changed(before: tuple, after: tuple) -> list:
    old = {id(part) for part in before}
    return [part for part in after if id(part) not in old]


def _put(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    """Insert or update by primary key (an update keeps the row's triggers and references)."""
    keys = {
        "meetings": ("id",),
        "sites": ("meeting", "site"),
        "attendance": ("meeting", "site"),
        "turns": ("meeting", "number"),
    }.get(table, ("id",))
    columns = ", ".join(row)
    marks = ", ".join("?" for _ in row)
    updates = ", ".join(f"{name} = excluded.{name}" for name in row if name not in keys)
    connection.execute(
        f"insert into {table} ({columns}) values ({marks})"
        f" on conflict ({', '.join(keys)}) do update set {updates}",
        tuple(row.values()),
    )
