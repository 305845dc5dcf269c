"""`giliran rehearse`: the measuring instrument."""

import asyncio
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Group, Parameter

from console.rehearsal.links import parse_link
from console.rehearsal.profiles import LINKS, MODES, PROFILES, chosen
from console.rehearsal.rehearsal import (
    Options,
    Rehearsal,
    parse_break,
    parse_cut,
    parse_kill,
    parse_seconds,
)
from console.rehearsal.result import table
from console.rehearsal.scoreboard import table as voice_table
from console.rehearsal.stage import StageError
from console.rehearsal.voices import VoiceOptions, VoiceRehearsal
from console.roster import RosterError
from protocol.words import _

VOICE = Group("With --voice")


def rehearse(
    *,
    sites: Annotated[int, Parameter(help="How many kecamatan besides the hall (1 to 63).")] = 14,
    turn: Annotated[str, Parameter(help="Length of each turn, such as 4s.")] = "10s",
    length: Annotated[
        str,
        Parameter(
            name="--for",
            help="Call everybody again and again for so long, and watch for growth: 45m.",
        ),
    ] = "",
    loss: Annotated[str, Parameter(help="Packets lost each way on every site's link: 10%.")] = "",
    burst: Annotated[
        str, Parameter(help="Losses come in bursts of so many packets of 20 ms, on average: 5.")
    ] = "",
    rtt: Annotated[str, Parameter(help="Round trip of every site's link: 80ms.")] = "",
    jitter: Annotated[str, Parameter(help="Standard deviation of the delay: 30ms.")] = "",
    rate: Annotated[str, Parameter(help="Bandwidth of every site's link each way: 256k.")] = "",
    seed: Annotated[
        str, Parameter(help="Seed of the emulated links; with --voice also several: 91,92,93.")
    ] = "1",
    kill: Annotated[
        list[str] | None,
        Parameter(help="Kill a process: relay@20s, server@20s or a site's agent, kandis@20s."),
    ] = None,
    cut: Annotated[list[str] | None, Parameter(help="Cut a site's cable: kandis@30s+10s.")] = None,
    broken: Annotated[
        list[str] | None,
        Parameter(
            name="--break",
            help="Break one way of a site's media connection: kandis:uplink-out@20s; also "
            "uplink-in, downlink-out, downlink-in.",
        ),
    ] = None,
    switches: Annotated[
        int,
        Parameter(help="Instead of calling everybody once, move the floor so often, at random."),
    ] = 0,
    link: Annotated[
        list[str] | None,
        Parameter(
            help="A link of a site's own: kandis=loss=10%,rate=64k; bad for a while only: "
            "kandis=rate=64k@20s+15s."
        ),
    ] = None,
    video: Annotated[str, Parameter(help="Picture every site sends: WIDTHxHEIGHT@FPS.")] = (
        "320x180@10"
    ),
    roster: Annotated[str, Parameter(help="Roster the sites come from.")] = "siak",
    json: Annotated[Path | None, Parameter(help="Write the figures to this file as JSON.")] = None,
    keep: Annotated[
        Path | None, Parameter(help="Keep recordings, logs and journal in this folder.")
    ] = None,
    quiet: Annotated[bool, Parameter(help="No progress on standard error.")] = False,
    voice: Annotated[
        bool,
        Parameter(
            help="Measure how clearly speech is heard over bad links.", negative="", group=VOICE
        ),
    ] = False,
    profiles: Annotated[
        str, Parameter(help=f"Which links, as r20,ge10; all: {', '.join(PROFILES)}.", group=VOICE)
    ] = "",
    modes: Annotated[
        str, Parameter(help=f"How the listeners listen; all: {', '.join(MODES)}.", group=VOICE)
    ] = "",
    links: Annotated[
        str, Parameter(help=f"Whose link is bad; all: {', '.join(LINKS)}.", group=VOICE)
    ] = "",
    speech: Annotated[
        Path | None,
        Parameter(help="Speech of your own, any sound file; else the shipped clips.", group=VOICE),
    ] = None,
    seconds: Annotated[
        float | None, Parameter(help="Speech measured on each link: 40.", group=VOICE)
    ] = None,
    baselines: Annotated[
        bool | None,
        Parameter(help="Also measure aiortc and Chromium as they are: yes.", group=VOICE),
    ] = None,
    pictures: Annotated[
        bool | None,
        Parameter(
            help="Speakers send a picture, too, which a thin link must give up: no.", group=VOICE
        ),
    ] = None,
    jobs: Annotated[
        int | None, Parameter(help="Meetings at once: one a core.", group=VOICE)
    ] = None,
) -> int:
    """Run a whole meeting of synthetic people on this machine and measure it.

    Starts the real server, relay and one agent a site as processes on loopback, calls every site
    in turn, and reports what was observed at the sites: how long after the key press the new
    speaker was heard and seen, delay and gaps of the sound, sound in the wrong place, and what
    each process used. Times of faults count from the opening of the meeting.

    Exit code 0 when every site was called and heard, nobody else was, and nothing was lost.

    With --voice it measures the voice path instead: speech through agent, relay and agent, each
    profile a meeting of its own, with the listening site's link bad, the speaking site's, or both,
    in both modes (conversation: little delay; clear: up to 420 ms). It prints PESQ (1 to 4.6) and
    STOI (0 to 1), delay from mouth to ear, audible gaps and kbit/s beside those of aiortc and
    Chromium over the same links, and what misses its goal. Profiles: rX loses X % at random, geX
    in bursts, jN has a jitter of N ms, Nk carries N kbit/s; --seed makes other losses. All of it
    takes most of an hour on two cores; exit code 0 when every goal is reached.

    In bursts one seed's PESQ is largely luck. With several, as --seed 91,92,93, each link is
    measured once with each, by the others, too; a row tells the figures over all of them, which
    the goals are held against, and the least mean PESQ of one. It takes as many times as long.

    With --switches each switch is judged by the stamps in the pictures: whose it is, whether it is
    whole. With --link it tells which pictures that site was sent (high, low, none) from when on and
    how soon they were back, how clearly it heard and was heard before, during and after that, and
    what sites with good links got less of meanwhile.

    With --for it goes on round after round, tells of each process what memory, threads and tasks it
    had early and late, and fails when they grew. The smallest picture is the cheapest: --video
    160x90@2.

    Examples:

    giliran rehearse --sites 14 --turn 4s --json out.json

    giliran rehearse --loss 10% --rtt 80ms --jitter 30ms --seed 7

    giliran rehearse --kill relay@20s --cut kandis@30s+10s

    giliran rehearse --switches 200 --turn 1.5s --seed 7

    giliran rehearse --sites 6 --for 130s --turn 6s --video 640x360@10 --link siak=rate=128k@10s+24s

    giliran rehearse --for 45m --turn 20s --video 160x90@2

    giliran rehearse --voice --profiles r20,ge10 --links listening --seed 7

    giliran rehearse --voice --profiles ge10,ge20 --seconds 25 --seed 91,92,93
    """

    def progress(text: str) -> None:
        if not quiet:
            print(f"  {text}", file=sys.stderr, flush=True)

    given = {"loss": loss, "burst": burst, "rtt": rtt, "jitter": jitter, "rate": rate}
    of_voice = {
        "profiles": profiles,
        "modes": modes,
        "links": links,
        "speech": speech,
        "seconds": seconds,
        "baselines": baselines,
        "pictures": pictures,
        "jobs": jobs,
    }
    try:
        seeds = _seeds(seed)
        if json is not None and not json.absolute().parent.is_dir():
            raise ValueError(_("--json {path}: there is no such folder").format(path=json))
        if voice:
            _refuse(
                {**given, "kill": kill, "cut": cut, "break": broken, "for": length, "link": link},
                _("--{name} does not go with --voice"),
            )
            voices = VoiceRehearsal(_voice_options(of_voice, seeds), progress)
            voice_result = asyncio.run(voices.run(keep))
            print(voice_table(voice_result))
            _write(json, voice_result)
            return 0 if voice_result.ok else 1
        _refuse(of_voice, _("--{name} needs --voice"))
        if len(seeds) > 1:
            raise ValueError(_("--seed {text}: several need --voice").format(text=seed))
        impair = ",".join(
            f"{name}={_checked(name, value)}" for name, value in given.items() if value
        )
        faults = [
            *(parse_kill(text) for text in kill or []),
            *(parse_cut(text) for text in cut or []),
            *(parse_break(text) for text in broken or []),
        ]
        options = Options(
            sites=sites,
            turn_s=parse_seconds(turn),
            seed=seeds[0],
            impair=f"{impair},seed={seeds[0]}" if impair else "",
            video=video,
            faults=tuple(sorted(faults, key=lambda fault: fault.at_s)),
            roster=roster,
            for_s=parse_seconds(length) if length else 0.0,
            switches=switches,
            links=tuple(parse_link(text, parse_seconds) for text in link or []),
        )
        result = asyncio.run(Rehearsal(options, progress).run(keep))
    except (ValueError, RosterError) as error:
        print(f"giliran rehearse: {error}", file=sys.stderr)
        return 2
    except StageError as error:
        print(f"giliran rehearse: {error}", file=sys.stderr)
        return 1
    except ExceptionGroup as group:
        stage_errors = group.subgroup(StageError)
        if stage_errors is None:
            raise
        print(f"giliran rehearse: {stage_errors.exceptions[0]}", file=sys.stderr)
        return 1
    print(table(result))
    _write(json, result)
    return 0 if result.ok else 1


def _refuse(options: dict[str, Any], why: str) -> None:
    """Raises ValueError for the first of these that was given."""
    for name, value in options.items():
        if value not in (None, "", []):
            raise ValueError(why.format(name=name))


def _seeds(text: str) -> list[int]:
    """Those in `91,92,93`. Raises ValueError."""
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch("[0-9]+", part) for part in parts):
        raise ValueError(
            _("--seed {text}: expected a whole number, or several as 91,92,93").format(text=text)
        )
    seeds = [int(part) for part in parts]
    for seed in seeds:
        if seeds.count(seed) > 1:
            raise ValueError(_("--seed {text}: {seed} is there twice").format(text=text, seed=seed))
    return seeds


def _voice_options(given: dict[str, Any], seeds: list[int]) -> VoiceOptions:
    """Raises ValueError that lists the known names."""
    usual = VoiceOptions()
    plain = {
        name: getattr(usual, name) if given[name] is None else given[name]
        for name in ("speech", "seconds", "baselines", "pictures", "jobs")
    }
    known: dict[str, Iterable[str]] = {"profiles": PROFILES, "modes": MODES, "links": LINKS}
    named = {name: chosen(f"--{name}", given[name], names) for name, names in known.items()}
    return msgspec.convert({**named, **plain, "seeds": seeds}, VoiceOptions)


def _write(path: Path | None, result: msgspec.Struct) -> None:
    if path is not None:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")


FORMS = {
    "loss": (r"\d+(\.\d+)?%", "a percentage such as 10%"),
    "burst": (r"\d+(\.\d+)?", "packets such as 5"),
    "rtt": (r"\d+(\.\d+)?ms", "a time such as 80ms"),
    "jitter": (r"\d+(\.\d+)?ms", "a time such as 30ms"),
    "rate": (r"\d+(\.\d+)?k", "kilobits a second such as 256k"),
}


def _checked(name: str, value: str) -> str:
    """The value, when it has its form (the agents' `--impair` takes it as it is)."""
    form, expected = FORMS[name]
    if re.fullmatch(form, value) is None:
        raise ValueError(f"--{name} {value}: expected {expected}")
    return value
