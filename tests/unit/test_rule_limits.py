"""Which value of a parameter counts: default, kind, community, template, resident, within hard bounds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from anxin.cli import app
from anxin.deploy import app as deploy_app
from care.ids import epoch_ms
from care.site import Community, Device, Home, Override, Policy, Registry, Resident, Setting, Site
from care.sitefile import read_site
from care.words import Kind, Tier
from devices.cli import app as devices_app
from devices.kinds import KINDS
from devices.models import expected, silence
from rules.catalog import RuleBook, load
from rules.cli import app as rules_app
from rules.limits import Given, as_limits, check_site, in_force, looser, traced


@pytest.fixture(scope="module")
def book() -> RuleBook:
    return load()


def values(
    book: RuleBook, rule: str, *, policy: dict[str, dict[str, Any]] | None = None, people: list[Resident] | None = None,
    device: Device | None = None, resident: int | None = 0,
) -> dict[str, Any]:  # fmt: skip
    people = people if people is not None else [Resident(id="r1", name="甲")]
    device = device or Device(id="d", kind=Kind.bed_belt)
    home = Home(id="h", residents=people, devices=[device])
    site = Site(community=Community(id="c", name="c"), homes=[home], policy=Policy(rules=policy or {}))
    person = people[resident] if resident is not None else None
    return in_force(
        book.rules[rule], Registry(site), home=home, resident=person, device=device, kind=device.kind.value
    )


def person(name: str = "r1", **given: Any) -> Resident:
    return Resident(id=name, name=name, **given)


@pytest.mark.parametrize(
    ("policy", "limits", "expected"),
    [
        ({}, {}, 20),
        ({"BD1": {"yellow_minutes": 25}}, {}, 25),
        ({"BD1": {"bed_exit_yellow_minutes": 25}}, {}, 25),
        ({"BD1": {"yellow_minutes": 25}}, {"bed_exit_yellow_minutes": 35}, 35),
        ({}, {"bed_exit_yellow_minutes": 35}, 35),
        # Outside the hard bounds the nearest bound counts.
        ({}, {"bed_exit_yellow_minutes": 500}, 90),
        ({}, {"bed_exit_yellow_minutes": 1}, 5),
        ({"BD1": {"yellow_minutes": 500}}, {}, 90),
        # What is no number at all does not count.
        ({}, {"bed_exit_yellow_minutes": "never"}, 20),
        ({}, {"bed_exit_yellow_minutes": True}, 20),
        ({}, {"bed_exit_yellow_minutes": float("nan")}, 20),
    ],
)
def test_the_nearest_to_the_person_counts(
    book: RuleBook, policy: dict[str, Any], limits: dict[str, Any], expected: float
) -> None:
    """Resident before community before default."""
    assert values(book, "BD1", policy=policy, people=[person(limits=limits)])["yellow_minutes"] == expected


@pytest.mark.parametrize(
    ("resident", "expected"),
    [
        (person(), False),
        (person(conditions=["dementia"]), True),
        (person(flags=["wandering"]), True),
        (person(conditions=["dementia"], limits={"night_exit_watch": False}), False),
        (person(tier=Tier.key), False),
    ],
)
def test_a_condition_selects_its_template(book: RuleBook, resident: Resident, expected: bool) -> None:
    """Dementia switches the watch of the door on; the person's own setting has the last word."""
    assert values(book, "DR3", people=[resident])["watch"] is expected


@pytest.mark.parametrize(
    ("rule", "name", "words", "expected"),
    [
        # Atrial fibrillation has 15 more, the weeks after a discharge have less: less speaks sooner.
        ("VT2", "high_bpm", ["af"], 126),
        ("VT2", "high_bpm", ["af", "dementia"], 126),
        ("VT2", "high_bpm", ["af", "post_discharge"], 105),
        ("VT2", "clear_bpm", ["af", "post_discharge"], 100),
        # A slow heart: the higher limit speaks sooner, and the higher value ends it later.
        ("VT4", "low_bpm", ["pacemaker", "beta_blocker"], 50),
        ("VT4", "clear_bpm", ["pacemaker", "beta_blocker"], 54),
        ("VT5", "high_rate", ["copd", "post_discharge"], 23),
        ("VT5", "clear_rate", ["copd", "post_discharge"], 20),
        ("BD4", "watch", ["chair_sleeper"], False),
    ],
)
def test_of_two_conditions_the_stricter_counts(
    book: RuleBook, rule: str, name: str, words: list[str], expected: Any
) -> None:
    """In whatever order they stand in the site file; one alone may loosen as the doctor means it."""
    for order in (words, words[::-1]):
        assert values(book, rule, people=[person(conditions=order)])[name] == expected
        assert values(book, rule, people=[person(conditions=order[:1], flags=order[1:])])[name] == expected


def test_the_condition_that_does_not_count_stays_in_the_chain(book: RuleBook) -> None:
    """Who asks why 105 is in force although the heart flutters is told."""
    who = person(conditions=["post_discharge", "af"])
    home = Home(id="h", residents=[who], devices=[Device(id="b", kind=Kind.bed_belt)])
    site = Registry(Site(community=Community(id="c", name="c"), homes=[home]))
    given = traced(book.rules["VT2"], site, home=home, resident=who, device=home.devices[0], kind="bed_belt")
    said = given["high_bpm"].said()
    assert said is not None
    assert (said["from"], said["word"], said["by"]) == ("template", "post_discharge", "catalogue")
    af = next(s for s in said["over"] if s.get("word") == "af")
    assert (af["value"], af["refused"]["code"], af["refused"]["word"]) == (126, "as_strict", "post_discharge")


def test_every_template_and_bound_leaves_a_finding_its_end(book: RuleBook) -> None:
    """The value that ends a finding lies on the calm side of the one that begins it, whatever conditions meet."""
    pairs = [(r, n, p) for r in book.rules.values() for n, p in r.doc.parameters.items() if p.keeps]
    assert {r.code for r, _, _ in pairs} == {"VT1", "VT2", "VT3", "VT4", "VT5", "VT6", "VT10"}
    for rule, name, p in pairs:
        assert p.keeps is not None
        limit = rule.doc.parameters[p.keeps]
        words = sorted({*limit.templates, *p.templates})
        people = [person(conditions=list(c)) for n in range(3) for c in combinations(words, n)]
        assert limit.limit, "it can be set for a resident"
        people += [person(limits={limit.limit: edge}) for edge in (limit.min, limit.max)]
        for who in people:
            found = values(book, rule.id, people=[who])
            begins, ends = found[p.keeps], found[name]
            falls = rule.id in ("VT3", "VT4", "VT6")
            assert ends > begins if falls else ends < begins, (rule.id, who)


def test_a_value_keeps_its_distance_from_a_limit_that_was_changed_and_says_by_whom(book: RuleBook) -> None:
    """131 and 120 by default; the doctor's 145 ends at 134. Where the community gave both, both are meant."""
    set_ = Setting(value=145, by="王医生", reason="房颤")
    found = values(book, "VT1", people=[person(limits={"heart_rate_high_red": set_})])
    assert (found["high_bpm"], found["clear_bpm"]) == (145, 134)
    both = {"VT1": {"high_bpm": 125, "clear_bpm": 118}}
    assert values(book, "VT1", policy=both)["clear_bpm"] == 118
    assert values(book, "VT1", policy={"VT1": {"high_bpm": 125}})["clear_bpm"] == 114
    assert (
        values(book, "VT1", policy=both, people=[person(limits={"heart_rate_high_red": set_})])["clear_bpm"]
        == 138
    )


def test_the_safe_side_of_what_ends_a_life_safety_finding_is_later(book: RuleBook) -> None:
    """A community may keep smoke, gas and lost vital signs open for longer, and not for less."""
    for rule, name in (("SM1", "clear_minutes"), ("GS1", "clear_minutes"), ("VT7", "clear_seconds")):
        p = book.rules[rule].doc.parameters[name]
        assert isinstance(p.default, int)
        for asked, kept in ((p.default * 2, p.default * 2), (p.min, p.default)):
            assert values(book, rule, policy={rule: {name: asked}})[name] == kept, rule


def test_an_aired_flat_is_the_looser_setting(book: RuleBook) -> None:
    """Of yes and no the safe one is not always yes."""
    assert looser(book.rules["DR2"].doc.parameters["airing"], True, False)
    assert looser(book.rules["DR3"].doc.parameters["watch"], False, True)
    people = [person("r1", limits={"door_airing": True}), person("r2")]
    assert values(book, "DR2", people=people, resident=None)["airing"] is False


def test_a_sensor_of_two_people_obeys_the_stricter_of_them(book: RuleBook) -> None:
    """A door that both use is watched for the one who needs it; the shorter wait counts."""
    people = [person("r1"), person("r2", conditions=["dementia"], limits={"night_exit_red_minutes": 3})]
    found = values(book, "DR3", people=people, resident=None)
    assert found["watch"] is True
    assert found["red_minutes"] == 3


@pytest.mark.parametrize(
    ("kind", "expect", "expected"),
    [
        (Kind.bed_belt, None, (10, 30)),
        (Kind.gas, None, (10, 30)),
        (Kind.gateway, None, (5, 10)),
        (Kind.smoke, None, (180, 360)),
        (Kind.door, None, (180, 1500)),
        (Kind.smoke, 43200.0, (1080, 1440)),
    ],
)
def test_silence_is_a_matter_of_kind(
    book: RuleBook, kind: Kind, expect: float | None, expected: tuple[int, int]
) -> None:
    """Mains speaks all the time, batteries every hour, NB-IoT twice a day."""
    found = values(book, "TE3", device=Device(id="d", kind=kind, expect_seconds=expect))
    assert (found["blue_minutes"], found["yellow_minutes"]) == expected


def test_a_model_known_to_speak_seldom_is_given_its_time(book: RuleBook) -> None:
    """One reader for all limits of silence: the site file, else the model, else the kind."""
    button = Device(id="d", kind=Kind.sos, model="TS0215A_sos")
    found = values(book, "TE3", device=button)
    assert (found["blue_minutes"], found["yellow_minutes"]) == (36 * 60, 48 * 60)
    assert [s.total_seconds() / 60 for s in silence(button)] == [36 * 60, 48 * 60]
    said = msgspec.structs.replace(button, expect_seconds=3600.0)
    assert expected(said) == timedelta(hours=1)
    assert silence(said) == KINDS[Kind.sos].silence()


def test_conditions_get_seconds_and_minutes_of_the_day(book: RuleBook) -> None:
    """Units are left behind before a rule is asked."""
    limits = as_limits(book.rules["BD1"], values(book, "BD1"))
    assert limits["yellow_minutes"] == 1200
    assert limits["night_from"] == 22 * 60


def test_a_limit_that_cannot_be_is_refused_with_its_line(
    tmp_path: Path,
) -> None:
    """`anxin site check` and `load`: beyond the hard bound or no number at all is a fault; an unknown name is a note."""
    file = tmp_path / "site.yaml"
    file.write_text(
        "community: {id: c, name: c}\n"
        "homes:\n"
        "  - id: h\n"
        "    residents:\n"
        "      - id: r1\n"
        "        name: 甲\n"
        "        limits:\n"
        "          some_later_limit: 3\n"
        "          bed_exit_red_minutes: 500\n"
        "policy:\n"
        "  rules:\n"
        "    BD1: {yellow_minutes: soon}\n",
        "utf-8",
    )
    for words in (["site", "check", str(file)], ["site", "load", str(file)]):
        told = CliRunner().invoke(app, words)
        assert told.exit_code == 1
        assert told.stderr.splitlines()[:2] == [
            f"{file}:9: resident `r1`: limit `bed_exit_red_minutes` 500 is above the hard bound 120",
            f"{file}:12: policy.rules.BD1.yellow_minutes: must be a number",
        ]
    file.write_text(file.read_text("utf-8").replace("500", "90").replace("soon", "20"), "utf-8")
    told = CliRunner().invoke(app, ["site", "check", str(file)])
    assert told.exit_code == 0
    assert "note: resident `r1`: there is no limit `some_later_limit`" in told.stderr


def test_what_a_site_asks_for_in_vain_is_said(book: RuleBook) -> None:
    """Misspelt limits are a fault of the site file, not a silence."""
    home = Home(
        id="h",
        residents=[
            person(
                limits={"bed_exit_yelow_minutes": 30, "bed_exit_red_minutes": 500, "night_exit_watch": True}
            )
        ],
    )
    policy = Policy(rules={"BD1": {"yellow_minutes": "soon", "nonsense": 1}, "ZZ9": {}})
    site = Site(community=Community(id="c", name="c"), homes=[home], policy=policy)
    found = check_site(site, book)
    assert found == [
        "policy.rules.BD1.yellow_minutes: must be a number",
        "policy.rules.BD1: there is no parameter `nonsense`",
        "policy.rules: there is no rule `ZZ9`; `anxin rules list` shows them",
        "resident `r1`: there is no limit `bed_exit_yelow_minutes`; `anxin rules list` shows them",
        "resident `r1`: limit `bed_exit_red_minutes` 500 is above the hard bound 120",
    ]


def test_each_step_of_the_inheritance_says_who_and_why(book: RuleBook) -> None:
    """Default, community, tier, condition, resident, a while: the last that counts is in force and stands over the rest."""
    now = datetime(2026, 3, 1, 20, tzinfo=UTC)
    who = person(
        tier=Tier.key,
        limits={"inactivity_yellow_hours": Setting(value=6, by="陈敏芝", reason="午睡长", since=date(2026, 2, 1))},
        overrides=[
            Override(
                limit="inactivity_yellow_hours", value=3, from_=now, until=now + timedelta(days=2), by="s02", reason="出院第一周",
            )
        ],
    )  # fmt: skip
    device = Device(id="m", kind=Kind.motion)
    home = Home(id="h", residents=[who], devices=[device])
    policy = Policy(rules={"AC1": {"yellow_hours": Setting(value=7, by="街道", reason="2026 年统一标准")}})
    site = Site(community=Community(id="c", name="c"), homes=[home], policy=policy)

    def asked(at: datetime) -> Given:
        found = traced(
            book.rules["AC1"], Registry(site), home=home, resident=who, device=device, kind="motion", at=epoch_ms(at)
        )  # fmt: skip
        return found["yellow_hours"]

    given = asked(now + timedelta(hours=1))
    assert [(s.value, s.source.step, s.source.word) for s in given.steps] == [
        (8, "default", ""),
        (7, "community", ""),
        (4, "template", "key"),
        (6, "resident", ""),
        (3, "override", ""),
    ]
    said = given.said()
    assert said is not None
    assert (said["from"], said["by"], said["reason"]) == ("override", "s02", "出院第一周")
    assert said["until"] == (now + timedelta(days=2)).isoformat()
    by = [(s["from"], s["by"], s["reason"]) for s in said["over"]]
    assert by == [
        ("default", "catalogue", book.rules["AC1"].doc.parameters["yellow_hours"].source),
        ("community", "街道", "2026 年统一标准"),
        ("template", "catalogue", book.rules["AC1"].doc.parameters["yellow_hours"].source),
        ("resident", "陈敏芝", "午睡长"),
    ]
    assert asked(now + timedelta(days=2)).value == 6  # it ends to the second


def test_a_step_that_does_not_count_says_why(book: RuleBook) -> None:
    """Life safety loosened for good stands in the chain, refused."""
    who = person(limits={"vitals_lost_seconds": Setting(value=120, by="陈敏芝", reason="床垫厚")})
    home = Home(id="h", residents=[who], devices=[Device(id="b", kind=Kind.bed_belt)])
    site = Site(community=Community(id="c", name="c"), homes=[home])
    given = traced(book.rules["VT7"], Registry(site), home=home, resident=who, device=home.devices[0], kind="bed_belt")[
        "hold_seconds"
    ]  # fmt: skip
    assert given.value == 60
    assert given.said() is None
    assert given.steps[-1].value == 120
    assert given.steps[-1].said()["refused"] == {
        "code": "for_good",
        "zh": "长期放宽生命安全规则不作数，只有更严的值才作数",
        "en": "loosens a life-safety rule for good: only stricter values count",
    }


def test_a_site_file_may_say_who_set_a_limit_and_why_and_is_reminded_where_it_does_not(
    tmp_path: Path,
) -> None:
    """Both forms are read; half of one is a fault with its line."""
    text = (
        "community: {id: c, name: c}\n"
        "homes:\n"
        "  - id: h\n"
        "    residents:\n"
        "      - id: r1\n"
        "        name: 甲\n"
        "        limits:\n"
        "          bed_exit_yellow_minutes: {value: 25, by: 陈敏芝, reason: 夜尿, since: 2026-03-01}\n"
        "          bed_exit_red_minutes: 60\n"
        "policy:\n"
        "  rules:\n"
        "    AC1: {yellow_hours: {value: 7, by: 街道, reason: 统一标准}}\n"
    )
    file = tmp_path / "site.yaml"
    file.write_text(text, "utf-8")
    told = CliRunner().invoke(app, ["site", "check", str(file)])
    assert told.exit_code == 0, told.stderr
    assert "note: 1 limit says neither who set it nor why" in told.stderr
    site = read_site(text)
    assert site.homes[0].residents[0].limits["bed_exit_yellow_minutes"] == Setting(
        value=25, by="陈敏芝", reason="夜尿", since=date(2026, 3, 1)
    )
    file.write_text(text.replace(", reason: 夜尿", "").replace("value: 7", "value: 99"), "utf-8")
    told = CliRunner().invoke(app, ["site", "check", str(file)])
    assert told.exit_code == 1
    assert f"{file}:7:" in told.stderr
    assert "reason" in told.stderr
    file.write_text(text.replace("value: 7", "value: 99"), "utf-8")
    told = CliRunner().invoke(app, ["site", "check", str(file)])
    assert f"{file}:12: policy.rules.AC1.yellow_hours: 99 is above the hard bound 16" in told.stderr


def test_what_the_site_file_says_and_nothing_follows_is_noted(tmp_path: Path) -> None:
    """A typing error in a condition, an address or whom a consent names would quietly switch something off."""
    file = tmp_path / "site.yaml"
    file.write_text(
        "community: {id: c, name: c, timezone: Asia/Shanghai}\n"
        "homes:\n"
        "  - id: h1\n"
        "    residents:\n"
        "      - {id: r1, name: 甲, conditions: [dementiaa, dementia], flags: [lives_alone], consent: {bed: [center, doctor], family: [status]}}\n"
        "    contacts:\n"
        "      - {id: c1, name: 乙, notify: ['json://127.0.0.1:9/x', 'ring her at 13800000921']}\n",
        "utf-8",
    )
    told = CliRunner().invoke(app, ["site", "check", str(file)])
    assert told.exit_code == 0, told.stderr
    notes = [line.partition("note: ")[2] for line in told.stderr.splitlines() if "note: " in line]
    assert len(notes) == 3, notes
    assert notes[0].startswith("resident `r1`: no rule, script or screen knows `dementiaa`")
    assert notes[0].endswith("did you mean `dementia`?")
    assert notes[1].startswith("resident `r1`: consent.bed names `center`")
    assert notes[2].startswith("`c1`: no channel understands 1 of 2 addresses")
    assert "13800000921" not in told.stderr


@pytest.mark.parametrize(
    "group", ["site", "user", "device", "gateway", "integration", "deploy", "devices", "rules"]
)
def test_help_of_every_group_ends_with_an_example(group: str) -> None:
    """As the help of every command does."""
    others = {"deploy": deploy_app, "devices": devices_app, "rules": rules_app}
    told = (
        CliRunner().invoke(others[group], ["--help"])
        if group in others
        else CliRunner().invoke(app, [group, "--help"])
    )
    assert told.stdout.strip().splitlines()[-1].strip().startswith(f"Example: anxin {group} ")


def test_a_role_that_there_is_not_is_wrong_usage() -> None:
    """Nothing is asked of the service for it."""
    told = CliRunner().invoke(
        app, ["user", "add", "x", "--role", "king", "--password-stdin"], input="long enough\n"
    )
    assert told.exit_code == 2
    assert "there is no role 'king'; one of: operator" in told.stderr
