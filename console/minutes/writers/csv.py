"""CSV: one table a file, as a spreadsheet of an Indonesian office opens it.

Rules:
- UTF-8 with a byte order mark, `;` between cells, CRLF: what Excel set to Indonesian expects.
- A text that a spreadsheet would run as a formula (`=`, `+`, `-`, `@` first) gets an apostrophe.
- A path without a suffix becomes a folder with the files in it; any other one `.zip` file.
"""

import csv
import io
import zipfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from console.minutes.files import put
from console.minutes.form import ATTENDANCE, Block, Earlier, Minutes, ReportText
from console.minutes.pictures import Picture

Rows = list[Sequence[object]]

# Also the full-width twins, which some spreadsheets take for the signs themselves.
_FORMULA = tuple("=+-@＝＋－＠")  # noqa: RUF001


def tables(minutes: Minutes) -> dict[str, Rows]:
    """Rows by file name, the first one the heading."""
    return {
        "meeting.csv": [
            ["Hal", "Isi"],
            ["Rapat", minutes.name],
            ["Nomor", minutes.number],
            ["Tanggal", minutes.date],
            ["Waktu rapat", minutes.time],
            ["Tempat", minutes.place],
            ["Peserta", minutes.participants],
            ["Keadaan", minutes.status_line],
            *(["Pembukaan", one] for one in minutes.opening),
            *(["Arahan umum", one] for one in minutes.directions),
            *(["Catatan", one] for one in minutes.notes),
            *(["Keputusan", one] for one in minutes.decisions),
            *(["Penutup", one] for one in minutes.closing),
            ["Jurnal rapat", minutes.meeting],
            ["Peristiwa", minutes.seq],
            ["SHA-256", minutes.hash],
        ],
        "attendance.csv": [
            [
                "No",
                "Nama",
                "Jabatan",
                "Kecamatan/Instansi",
                "Kehadiran",
                "Hadir pukul",
                "Keluar pukul",
                "Terputus (kali)",
                "Keterangan",
            ],
            *(
                [
                    one.number,
                    one.name,
                    one.office,
                    one.place,
                    ATTENDANCE[one.attendance],
                    _when(one.arrived_at),
                    _when(one.left_at),
                    one.drops,
                    one.remark,
                ]
                for one in minutes.attendance
            ),
        ],
        "turns.csv": [
            [
                "No",
                "Pembicara",
                "Mulai",
                "Selesai",
                "Waktu bicara (detik)",
                "Jatah waktu (detik)",
                "Lewat waktu (detik)",
                "Terputus (detik)",
                "Terputus (kali)",
                "Keterangan",
            ],
            *(
                [
                    one.number,
                    one.speaker,
                    _when(one.starts_at),
                    _when(one.ends_at),
                    one.spoken_s,
                    one.allowance_s,
                    one.over_s,
                    one.away_s,
                    one.drops,
                    one.remark,
                ]
                for one in minutes.turns
            ),
        ],
        "reports.csv": [
            [
                "No",
                "Pembicara",
                "Giliran",
                "Dicatat",
                "Topik",
                "Laporan",
                "Perubahan",
                "Arahan",
                "Catatan",
            ],
            *(row for block in minutes.discussion for row in _reports(block)),
        ],
        "follow_ups.csv": [
            ["No", "Uraian", "Penanggung Jawab", "Tenggat", "Status", "Asal", "Penyelesaian"],
            *(
                [one.number, one.text, one.owner, one.due_on, one.status, one.origin, one.how]
                for one in (*minutes.follow_ups, *minutes.earlier_follow_ups)
            ),
        ],
        "line_checks.csv": [
            [
                "No",
                "Kecamatan/Instansi",
                "Diuji",
                "Hasil",
                "Temuan",
                "Saran",
                "Hilang dari lokasi (%)",
                "Hilang ke lokasi (%)",
                "RTT (ms)",
                "Dari lokasi (kbit/s)",
                "Ke lokasi (kbit/s)",
            ],
            *(
                [
                    one.number,
                    one.place,
                    one.checked_at,
                    one.result,
                    one.finding,
                    one.remedy,
                    *(
                        "" if value is None else str(value).replace(".", ",")
                        for value in (
                            one.loss_up_percent,
                            one.loss_down_percent,
                            one.rtt_ms,
                            one.up_kbps,
                            one.down_kbps,
                        )
                    ),
                ]
                for one in minutes.line_checks
            ),
        ],
        "connections.csv": [
            ["No", "Kecamatan/Instansi", "Terputus (kali)", "Terputus (detik)", "Keterangan"],
            *(
                [one.number, one.place, one.drops, one.away_s, one.remark]
                for one in minutes.connections
            ),
        ],
        "savings.csv": [
            ["No", "Kecamatan/Instansi", "Km", "Waktu tempuh (menit)", "Rupiah", "Contoh"],
            *(
                [
                    one.number,
                    one.place,
                    str(one.km).replace(".", ","),
                    one.travel_minutes,
                    one.rupiah,
                    "ya" if minutes.savings.example else "tidak",
                ]
                for one in minutes.savings.rows
                if one.known
            ),
        ],
        "corrections.csv": [
            ["No", "Bagian", "Tertulis", "Seharusnya", "Alasan", "Oleh", "Diralat"],
            *(
                [
                    one.number,
                    one.part,
                    one.was,
                    one.text,
                    one.reason,
                    one.by,
                    _when(one.at),
                ]
                for one in minutes.corrections
            ),
        ],
    }


def _reports(block: Block) -> Rows:
    """A row a report; a speaker without one has a row all the same."""
    reports = block.reports or (ReportText("", "", (), ()),)
    return [
        [
            block.number,
            block.speaker,
            block.turn or "",
            _when(report.written_at),
            ", ".join(report.topics),
            "\n".join(report.paragraphs) + (" (belum disimpan)" if report.unsaved else ""),
            "\n".join([report.amended, *map(_earlier, report.earlier)]),
            "\n".join(block.directions) if index == 0 else "",
            "\n".join(block.notes) if index == 0 else "",
        ]
        for index, report in enumerate(reports)
    ]


def _earlier(old: Earlier) -> str:
    return f"{old.heading}: {' / '.join(old.paragraphs)}"


def files(minutes: Minutes) -> dict[str, bytes]:
    """The bundle: content by file name."""
    return {name: _encode(rows) for name, rows in tables(minutes).items()}


def render(
    minutes: Minutes, templates: Path | None = None, pictures: Sequence[Picture] = ()
) -> bytes:
    """The bundle as one zip file, dated with the day of the meeting."""
    day = date.fromisoformat(minutes.date or "1980-01-01")
    stamp = (max(1980, day.year), day.month, day.day, 0, 0, 0)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as bundle:
        for name, content in files(minutes).items():
            bundle.writestr(zipfile.ZipInfo(name, stamp), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def write_csv(minutes: Minutes, path: Path, templates: Path | None = None) -> Path:
    """Returns where it is: the folder, or the file, whose suffix is always `.zip`."""
    if path.suffix:
        path = path.with_suffix(".zip")
        put(path, render(minutes))
        return path
    for name, content in files(minutes).items():
        put(path / name, content)
    return path


def _encode(rows: Rows) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue().encode("utf-8-sig")


def _cell(value: object) -> object:
    if isinstance(value, str) and value.lstrip().startswith(_FORMULA):
        return "'" + value
    return value


def _when(iso: str) -> str:
    """`2019-02-06 13:37:05`, which a spreadsheet reads as a time; the zone is the meeting's."""
    return iso[:19].replace("T", " ")
