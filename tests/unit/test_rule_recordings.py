"""Real recordings, used in place (they may not be shipped): the one walk of the week, the one apnoea of the night."""

from __future__ import annotations

import csv
import gzip
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from care.messages import Finding, Report, Value
from care.site import Community, Device, Home, Registry, Resident, Site
from care.words import Kind
from rules.catalog import load
from rules.engine import Engine

ZONE = ZoneInfo("Asia/Shanghai")
Word = tuple[datetime, str, dict[str, Value]]


def heard(devices: list[Device], words: list[Word]) -> list[Finding]:
    home = Home(id="h", residents=[Resident(id="r", name="r")], devices=devices)
    engine = Engine(Registry(Site(community=Community(id="c", name="c"), homes=[home])), load())
    words.sort(key=lambda w: w[0])
    out = engine.tick(words[0][0])
    for n, (at, device, values) in enumerate(words):
        while (due := engine.next_due()) is not None and due <= at:
            out += engine.tick(due)
        report = Report(
            report_id=str(n),
            home="h",
            device=device,
            kind="x",
            at=at,
            received_at=at,
            device_at=at,
            values=values,
        )
        out += engine.feed(report, at)
    return out


@pytest.mark.parametrize("every", [None, timedelta(seconds=30)])
def test_a_week_at_home_has_one_walk_at_night(shared_fixtures: Path, every: timedelta | None) -> None:
    """15 November, 00:43 to 01:55: found, by a mat that speaks on change and by a belt that speaks all the time.

    No other night has an exit, and nobody opens the door with dementia here.
    """
    words: list[Word] = []
    bed: list[tuple[datetime, bool]] = []
    with (shared_fixtures / "home_week" / "homeB_week1_transitions.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            place, item, sort = row["sensor"].split("/")
            at = datetime.fromisoformat(row["ts"]).replace(tzinfo=ZONE)
            if sort == "PIR":
                words.append((at, f"pir-{place.lower()}", {"motion": row["value"] == "1"}))
            elif item == "Bed":
                bed.append((at, row["value"] == "1"))
                words.append((at, "bed", {"in_bed": row["value"] == "1"}))
            elif item == "Maindoor":
                words.append((at, "door", {"door_open": row["value"] == "1"}))
    if every is not None:
        for (since, in_bed), (until, _) in pairwise(bed):
            at = since + every
            while at < until:
                words.append((at, "bed", {"in_bed": in_bed}))
                at += every
    rooms = ("bedroom", "kitchen", "living", "bathroom")
    devices = [
        Device(id="bed", kind=Kind.bed_belt, room="bedroom"),
        Device(id="door", kind=Kind.door, room="entrance"),
        *(Device(id=f"pir-{room}", kind=Kind.motion, room=room) for room in rooms),
    ]
    everything = heard(devices, words)
    night = ("DR5",)  # three evenings out beyond ten o'clock, as the diary has them
    technical = ("TE3", "TE4")  # these sensors have no heartbeat
    found = [f for f in everything if f.rule not in (*technical, *night)]
    beds = [
        f for f in found if f.rule == "BD4"
    ]  # this adult stays up until two; nobody is paged red for that
    assert all(f.level.value != "red" for f in beds)
    found = [f for f in found if f.rule != "BD4"]
    late = [f.at.astimezone(ZONE).day for f in everything if f.rule == "DR5" and f.phase.value == "opened"]
    assert late == [16, 17, 18]
    learnt = datetime(2012, 11, 15, tzinfo=ZONE)
    assert sum(f.rule in technical and f.phase.value == "opened" for f in everything if f.at > learnt) <= 4
    exit_at = datetime(2012, 11, 15, 0, 42, 52, tzinfo=ZONE)
    assert [(f.rule, f.phase.value, f.level.value, f.at - exit_at) for f in found] == [
        ("BD1", "opened", "yellow", timedelta(minutes=20)),
        ("BD1", "changed", "red", timedelta(minutes=45)),
        ("BD1", "cleared", "red", timedelta(minutes=74, seconds=52)),
    ]


def test_a_night_on_a_belt_has_one_long_pause_of_breathing(shared_fixtures: Path) -> None:
    """The pause of 279 seconds before the exit is found; four of 11 to 13 seconds and an empty bed are not it."""
    start = datetime(2026, 3, 1, 23, 0, tzinfo=ZONE)
    words: list[Word] = []
    with (shared_fixtures / "belt" / "m8701w_348min.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            values: dict[str, Value] = {
                "in_bed": row["status"] != "0",
                "heart_rate": int(row["heart_rate"]),
                "respiration_rate": int(row["breath_rate"]),
            }
            words.append((start + timedelta(minutes=int(row["minute"])), "belt", values))
    found = heard([Device(id="belt", kind=Kind.bed_belt, room="bedroom")], words)
    assert [(f.rule, f.phase.value, f.level.value) for f in found] == [
        ("VT7", "opened", "red"),
        ("VT7", "cleared", "red"),
    ]
    assert found[0].onset_at == start + timedelta(minutes=9)


def a_healthy_night(shared_fixtures: Path) -> list[tuple[datetime, int]]:
    """One value every five seconds: the last beat's, nothing where there was none."""
    out: list[tuple[datetime, int]] = []
    with gzip.open(shared_fixtures / "vitals" / "12_20231117_RR.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["local_time"]).replace(tzinfo=ZONE)
            at -= timedelta(seconds=at.second % 5)
            if not out or at > out[-1][0]:
                out.append((at, round(float(row["heart_rate_bpm"]))))
    return out


@pytest.mark.parametrize("shown", ["the pulse alone", "in bed", "in bed, with breath"])
def test_a_healthy_night_pages_nobody(shared_fixtures: Path, shown: str) -> None:
    """Hours of a real heart, its zeros and gaps included: nothing red, whatever else the belt says."""
    words: list[Word] = []
    for at, pulse in a_healthy_night(shared_fixtures):
        values: dict[str, Value] = {"heart_rate": pulse}
        if shown != "the pulse alone":
            values["in_bed"] = True
        if shown == "in bed, with breath":
            values["respiration_rate"] = 15
        words.append((at, "belt", values))
    found = heard([Device(id="belt", kind=Kind.bed_belt, room="bedroom")], words)
    assert [(f.rule, f.level.value, f.at) for f in found if f.level.value == "red"] == []
    assert not {"VT3", "VT4", "VT6", "VT7"} & {f.rule for f in found}


@pytest.mark.parametrize("belts", ["HR", "PULSE", "both"])
def test_a_lead_that_is_off_is_never_the_heart(shared_fixtures: Path, belts: str) -> None:
    """Heart rate 0 for 28 minutes is technical; where two sources differ by more than 20, neither is a heart's alarm.

    What is said of the breathing is another matter: it truly was above 30 for minutes, with a pulse by one source.
    """
    start = datetime(2026, 3, 1, 23, 0, tzinfo=ZONE)
    sources = {"HR": ["HR"], "PULSE": ["PULSE"], "both": ["HR", "PULSE"]}[belts]
    words: list[Word] = []
    with (shared_fixtures / "vitals" / "icu_trend_72min.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at = start + timedelta(minutes=int(row["minute"]))
            for source in sources:
                values: dict[str, Value] = {"in_bed": True}
                for quantity, column in (("heart_rate", source), ("respiration_rate", "RESP")):
                    if row[column]:
                        values[quantity] = float(row[column])
                words.append((at, source, values))
    found = heard([Device(id=s, kind=Kind.bed_belt, room="bedroom") for s in sources], words)
    red = {f.rule for f in found if f.level.value == "red"}
    assert not {"VT1", "VT3", "VT4"} & {f.rule for f in found}
    assert red <= (set() if belts == "HR" else {"VT5", "VT7"})
    assert belts != "HR" or "BD7_signal" in {f.rule for f in found}
