"""A changed limit tried on the past: what would be gained and lost, what of it was real, the same for the same input."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from anxin.backtest import Recording, compare
from anxin.cli import app
from care.errors import Misconfigured
from care.messages import Report, Value
from care.site import Community, Device, Home, HomeOrders, Override, Resident, Shift, Site, Staff
from care.words import Kind, Role
from rules.catalog import CATALOG, RuleBook, from_layers
from rules.stories import Story
from rules.trial import (
    Change,
    Judged,
    Runner,
    Told,
    _zh,
    listen,
    narrowed,
    weigh,
    with_limit,
    with_orders,
    with_override,
)
from tests.told import ALL, BOOK

NIGHT = datetime(2026, 3, 1, 17, 0, tzinfo=UTC)  # 01:00 in Shanghai

DAY = timedelta(days=1)


def a_site(homes: int = 2) -> Site:
    return Site(
        community=Community(id="c", name="c"),
        homes=[
            Home(
                id=f"h{i}",
                residents=[Resident(id=f"r{i}", name="老人")],
                devices=[
                    Device(id=f"belt{i}", kind=Kind.bed_belt, room="bedroom"),
                    Device(id=f"pir{i}", kind=Kind.motion, room="bathroom"),
                    Device(id=f"smoke{i}", kind=Kind.smoke, room="kitchen"),
                ],
            )
            for i in range(homes)
        ],
        staff=[Staff(id="s1", name="陈", role=Role.operator)],
        shifts=[
            Shift(staff="s1", from_="07:00", to="19:00"),
            Shift(staff="s1", from_="19:00", to="07:00"),
        ],
    )


def walks(home: int, minutes: list[int], *, pause: int = 60) -> list[Report]:
    """In bed for an hour, out for so many minutes (with a step in the bathroom every other minute), and so on."""
    out: list[Report] = []

    def say(at: datetime, device: str, values: dict[str, Value]) -> None:
        out.append(
            Report(
                report_id=f"{device}.{at.timestamp()}", home=f"h{home}", device=f"{device}{home}", kind="x",
                at=at, received_at=at, device_at=at, values=values,
            )
        )  # fmt: skip

    at = NIGHT
    for walk in minutes:
        for length, in_bed in ((pause, True), (walk, False)):
            for minute in range(length):
                say(at, "belt", {"in_bed": in_bed, "heart_rate": 60 + minute % 9, "signal_quality": 90})
                if not in_bed and minute % 2:
                    say(at + timedelta(seconds=30), "pir", {"motion": True})
                at += timedelta(minutes=1)
    say(at, "belt", {"in_bed": True})
    return out


def the_past() -> Recording:
    return Recording({"h0": walks(0, [33, 12]), "h1": walks(1, [33])})


def tried(change: Change, judged: tuple[Judged, ...] = (), processes: int = 1) -> dict[str, Any]:
    past = the_past()
    trials = compare(change, past, NIGHT, NIGHT + DAY, processes=processes)
    if not judged:
        return trials
    runner = Runner(change, NIGHT, NIGHT + DAY)
    runs = [runner.run(h, past.inputs([h], NIGHT, NIGHT + DAY)) for h in change.homes()]
    return weigh(change, runs, NIGHT, NIGHT + DAY, judged)


def test_a_longer_limit_for_one_resident_loses_their_alert_and_nobody_elses() -> None:
    """A walk of 33 minutes (put off to 30 by the bathroom) is yellow today, and quiet at 40."""
    site = a_site()
    change = Change(
        site, BOOK, with_override(site, BOOK, "bed_exit_yellow_minutes", 40, "r0", NIGHT, NIGHT + DAY), BOOK
    )
    assert change.touched() == {"BD1"}
    assert change.homes() == ["h0"]
    answer = tried(change)
    assert (answer["homes"], answer["residents"], answer["resident_days"]) == (1, 1, 1.0)
    assert (answer["before"], answer["after"]) == (
        {"red": 0, "yellow": 1, "blue": 0},
        {"red": 0, "yellow": 0, "blue": 0},
    )
    assert (answer["gained"], answer["lost"], answer["fewer"], answer["missed"]) == (0, 1, 1, 0)
    assert answer["lost_without_verdict"] == 1
    assert (
        answer["words"]["zh"]
        == "过去 1 天告警会少 1 次（增加 0，减少 1，减少的当中 0 次经核实为真实情况，1 次没有处置结论）"
    )
    (item,) = answer["items"]
    assert (item["what"], item["home"], item["before"]["level"], item["after"]) == (
        "lost",
        "h0",
        "yellow",
        None,
    )


def test_a_lost_alert_that_was_real_is_a_missed_one() -> None:
    """What the people who closed the case found decides whether fewer is better."""
    site = a_site()
    change = Change(
        site, BOOK, with_override(site, BOOK, "bed_exit_yellow_minutes", 40, "r0", NIGHT, NIGHT + DAY), BOOK
    )
    case = Judged(
        home="h0", cause="bed", raised_at=NIGHT + timedelta(minutes=90), closed_at=NIGHT + DAY, truth="real"
    )
    answer = tried(change, (case,))
    assert (answer["missed"], answer["lost_without_verdict"]) == (1, 0)
    other = msgspec.structs.replace(case, home="h1")
    assert tried(change, (other,))["missed"] == 0


def test_a_stricter_limit_gains_and_an_earlier_one_moves() -> None:
    """Ten minutes for everybody: the short walk is new, the long one earlier; per shift and per 1,000 resident-days."""
    site = a_site()
    change = Change(site, BOOK, with_limit(site, BOOK, "bed_exit_yellow_minutes", 5), BOOK)
    answer = tried(change)
    assert (answer["gained"], answer["lost"], answer["earlier"]) == (0, 0, 2) or answer["gained"] == 1
    assert answer["per_1000_resident_days"]["before"]["yellow"] == 1000.0
    night = next(s for s in answer["per_shift"] if s["from"] == "19:00")
    assert night["before"] == 2.0
    assert next(s for s in answer["per_shift"] if s["from"] == "07:00")["before"] == 0.0


def test_the_same_past_gives_the_same_bytes_however_it_is_divided() -> None:
    """One process, three processes, again: equal to the byte."""
    site = a_site()
    change = Change(site, BOOK, with_limit(site, BOOK, "bed_exit_yellow_minutes", 5), BOOK)
    answers = {json.dumps(tried(change, processes=n)) for n in (1, 3, 1)}
    assert len(answers) == 1


def test_a_changed_rule_file_is_compared_rule_by_rule() -> None:
    """A rule that is gone loses its alerts; one that is new gains them; others are not even run."""
    text = (CATALOG / "bed.yaml").read_text(encoding="utf-8")
    changed = text.replace("rule: BD1", "rule: BD1B", 1).replace("limit: bed_exit", "limit: other_exit")
    changed = changed.split("\n  - rule: ")[0] + "\n  - rule: " + changed.split("\n  - rule: ")[1]
    new = from_layers([*BOOK.layers, {"new.yaml": changed}])
    site = a_site()
    change = Change(site, BOOK, site, new)
    assert change.touched() == {"BD1B"}
    answer = tried(change)
    assert (answer["gained"], answer["lost"]) == (2, 0)
    back = Change(site, new, site, BOOK)
    assert (tried(back)["gained"], tried(back)["lost"]) == (0, 2)


@pytest.mark.parametrize(
    ("name", "value", "resident", "reason"),
    [
        ("bed_exit", 25, None, "there is no limit `bed_exit`"),
        ("bed_exit_yellow_minutes", 900, "r0", "above the hard bound"),
        ("bed_exit_yellow_minutes", "soon", "r0", "must be a number"),
        ("bed_exit_yellow_minutes", 25, "r9", "there is no resident `r9`"),
    ],
)
def test_a_limit_that_cannot_be_set_is_one_sentence(
    name: str, value: object, resident: str | None, reason: str
) -> None:
    """Unknown names, values outside the hard bounds, unknown people."""
    where = () if resident is None else (resident, NIGHT, NIGHT + DAY)
    with pytest.raises(Misconfigured, match=reason):
        (with_override if where else with_limit)(a_site(), BOOK, name, value, *where)


def test_life_safety_loosened_for_one_resident_shows_what_it_would_cost() -> None:
    """Breath is lost for 70 seconds: with 120 s nobody would have been told. It lapses each day, and is tried anew each day."""
    site, out = a_site(1), []
    for day in range(3):
        for second in range(0, 400, 5):
            at = NIGHT + day * DAY + timedelta(seconds=second)
            lost = 300 <= second <= 370
            values: dict[str, Value] = {"in_bed": True, "signal_quality": 90, "movement": 0}
            values |= {"heart_rate": 0 if lost else 62, "respiration_rate": 0 if lost else 15}
            out.append(
                Report(
                    report_id=f"{day}.{second}", home="h0", device="belt0", kind="bed_belt", at=at, received_at=at, device_at=at, values=values,
                )
            )  # fmt: skip
    past, end = Recording({"h0": out}), NIGHT + 3 * DAY
    change = Change(site, BOOK, with_override(site, BOOK, "vitals_lost_seconds", 120, "r0", NIGHT, end), BOOK)
    assert change.touched() == {"VT7"}
    answer = compare(change, past, NIGHT, end, processes=1)
    assert (answer["before"]["red"], answer["after"]["red"]) == (3, 0)
    assert (answer["gained"], answer["lost"]) == (0, 3)
    with pytest.raises(Misconfigured, match="loosens a life-safety rule for everybody"):
        with_limit(site, BOOK, "vitals_lost_seconds", 120)


def test_a_limit_that_two_rules_share_touches_both() -> None:
    """The usual time of getting up is asked by the bed and by the first motion of the day."""
    site = a_site()
    new = with_override(site, BOOK, "usual_get_up", "07:00", "r0", NIGHT, NIGHT + DAY)
    assert Change(site, BOOK, new, BOOK).touched() == {"AC3", "BD3"}


def test_the_past_is_judged_with_what_was_set_then() -> None:
    """The desk had 40 minutes in force that night: trying 45 changes nothing, and trying 20 gains what the default would say."""
    until = NIGHT + DAY
    set_ = Override(
        limit="bed_exit_yellow_minutes", value=40, from_=NIGHT - DAY, until=until, by="s1", reason="利尿剂", resident="r0",
    )  # fmt: skip
    site = with_orders(a_site(), HomeOrders(home="h0", overrides=[set_]))
    for value, gained in ((45, 0), (20, 1)):
        new = with_override(site, BOOK, "bed_exit_yellow_minutes", value, "r0", NIGHT, until)
        answer = tried(Change(site, BOOK, new, BOOK))
        assert (answer["gained"], answer["lost"], answer["homes"]) == (gained, 0, 1)


@pytest.mark.parametrize("story", ALL, ids=[s.name for s in ALL])
def test_a_rule_by_itself_says_what_it_says_among_all(story: Story) -> None:
    """Leaving out the rules that a change does not touch changes nothing for those that it does."""
    inputs = [one for i in story.inputs if (one := i.report or i.refusal) is not None]
    end = story.start + story.expect[-1][0]

    def told(book: RuleBook) -> list[Told]:
        found = listen(story.registry, book, inputs, end)
        return sorted((t for t in found if t.rule in story.rules), key=lambda t: t.finding)

    assert told(narrowed(BOOK, story.rules)) == told(BOOK)


def test_the_command_reads_a_recording_and_refuses_wrong_words(tmp_path: Path) -> None:
    """0 with a table or JSON; 2 for wrong usage; one sentence for what cannot be."""
    site = tmp_path / "site.yaml"
    site.write_text(
        "community: {id: c, name: c, timezone: Asia/Shanghai}\n"
        "homes:\n  - id: h0\n    residents: [{id: r0, name: 老人}]\n"
        "    devices: [{id: belt0, kind: bed_belt, room: bedroom}, {id: pir0, kind: motion, room: bathroom}]\n",
        encoding="utf-8",
    )
    messages = tmp_path / "m.jsonl"
    messages.write_bytes(
        b"".join(
            msgspec.json.encode(
                {
                    "at": r.received_at.isoformat(),
                    "topic": f"anxin/v1/h0/{r.device}",
                    "payload": {"time": r.at.isoformat(), **r.values},
                }
            )
            + b"\n"
            for r in walks(0, [33])
        )
    )
    runner = CliRunner()
    base = ["backtest", "--source", str(messages), "--site", str(site), "--processes", "1"]
    good = runner.invoke(app, [*base, "--limit", "r0:bed_exit_yellow_minutes=40", "--json"])
    assert good.exit_code == 0, good.stderr
    assert json.loads(good.stdout)["lost"] == 1
    shown = runner.invoke(app, [*base, "--limit", "bed_exit_yellow_minutes=40"])
    assert "BD1                 1 → 0       gained 0, lost 1" in shown.stdout
    assert runner.invoke(app, ["backtest", "--from", "2026-03-01"]).exit_code == 2
    slip = runner.invoke(app, ["backtest", "--from", "yesterday", "--to", "2026-03-02"]).exception
    assert "--from yesterday: write a day or a time" in str(slip), "before anybody looks for a database"
    assert runner.invoke(app, ["backtest", "--source", str(messages)]).exit_code == 2
    wrong = runner.invoke(app, [*base, "--limit", "bed_exit_yellow_minutes"])
    assert isinstance(wrong.exception, Misconfigured)
    assert "RESIDENT:NAME=VALUE" in str(wrong.exception)
    assert "Example" in runner.invoke(app, ["backtest", "--help"]).stdout


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (30, "过去 30 天"),
        (1.5, "过去 1.5 天"),
        (0.25, "过去 6 小时"),
        (0.008066, "过去 12 分钟"),
        (0, "过去 1 分钟"),
    ],
)
def test_a_short_history_is_said_in_the_units_it_has(days: float, says: str) -> None:
    """Nobody says 0.008066 days."""
    assert _zh(days, 0, 0, 0, 0, 0).startswith(f"{says}告警会")
