"""What is one case and what is not: evidence, corroboration, roll-ups, welfare lists."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import pytest

from alerts.cases import case_rules
from alerts.desk import Desk
from alerts.events import Joined, LevelRaised, Transition
from alerts.lines import lines
from alerts.orders import NotAllowed
from alerts.proposing import decode_transition
from alerts.worker import Worker
from anxin.replay import Film
from care.clock import ManualClock
from care.messages import Evidence, Finding, Refusal, decode, encode
from care.sitefile import read_site
from care.stream import MemoryStream, Stored
from care.words import Condition, Level, Phase
from dashboard_api.present import alert_json
from rules.catalog import Care, load
from tests.unit.test_alert_house import CODES, NOON, SITE, Story, a_finding, registry, seconds

YELLOW: dict[str, Any] = {"level": Level.yellow, "life": False, "device": None}
STREET = 60


def a_street(tiers: str = "general") -> str:
    """A site with many homes in one micro-grid."""
    homes = "\n".join(
        f"  - {{id: s{n:03}, micro_grid: g05-2, address: 银杏小区 3 幢 {n}, "
        f"residents: [{{id: p{n:03}, name: 王{n}, tier: {'key' if n % 10 == 0 else tiers}}}]}}"
        for n in range(STREET)
    )
    return SITE.replace("staff:\n", homes + "\nstaff:\n", 1)


def test_what_is_about_a_person_is_what_the_catalogue_says_of_life_and_care() -> None:
    """A new rule of class life or care that gives red or yellow has its cause in the list, and nothing technical has."""
    rules = [r.doc for r in load().rules.values()]
    told = {
        d.cause
        for d in rules
        if d.class_ is not Care.technical and {g.level for g in d.grades} - {Level.blue}
    }
    assert told == set(case_rules().about_person)
    assert not {d.cause for d in rules if d.class_ is Care.technical} & told


def kinds(transitions: list[Transition], number: int) -> list[str]:
    return [type(e).__name__ for t in transitions if t.number == number for e in t.events]


def test_a_second_detector_soon_joins_quietly_and_later_is_told() -> None:
    """Within ten minutes it is the same fire; after that the case is the same, but people hear of it."""
    story = Story()
    story.finding("f1")
    story.do("acknowledge")
    story.do("call", to="home", result="answered")
    story.wait(300)
    assert story.finding("f2", device="smoke-2")[0].deliveries == ()
    story.wait(601)
    (later,) = story.finding("f3", device="smoke-3")
    assert {(d.person, d.reason.value) for d in later.deliveries} == {("s01", "joined"), ("s07", "joined")}
    assert story.alert.resumed, "taken and answered, but that was another alarm: loud again"
    assert len(story.desk.open()) == 1


def test_water_and_stillness_are_one_event_for_an_hour() -> None:
    """The minutes are data: 60 for water and inactivity, 10 for everything else."""
    story = Story()
    story.finding("w1", code="WT1", cause="water", device="w1", pictogram="water")
    story.wait(3000)
    assert story.finding("w2", code="WT1", cause="water", device="w2", pictogram="water")[0].deliveries == ()


def test_two_causes_in_one_home_are_two_cases_that_bear_each_other_out() -> None:
    """Smoke and gas: two numbers, each tellable; the later one is evidence in the earlier one too."""
    story = Story()
    story.finding("f1")
    story.wait(60)
    said = story.finding("g1", code="GS1", cause="gas", quantity="gas", device="gas-1", pictogram="gas")
    assert [(a.number, a.cause, a.level) for a in story.desk.open()] == [
        (317, "fire", Level.red),
        (318, "gas", Level.red),
    ]
    assert kinds(said, 317) == ["Joined"]
    fire = story.desk.open()[0]
    assert [(f.code, f.of) for f in fire.findings] == [("SM1", 0), ("GS1", 318)]
    story.finding("g1", code="GS1", cause="gas", phase=Phase.cleared)
    story.finding("f1", phase=Phase.cleared)
    assert {a.condition for a in story.desk.open()} == {Condition.cleared}, (
        "evidence is no condition of its own"
    )


@pytest.mark.parametrize(("minutes", "level"), [(9, Level.red), (59, Level.red), (61, Level.yellow)])
def test_two_yellow_ones_that_bear_each_other_out_are_red(minutes: float, level: Level) -> None:
    """Out of bed and no movement: one step up, within the longer of the two times."""
    story = Story()
    story.finding("b1", code="BD1", cause="bed", **YELLOW)
    story.wait(minutes * 60)
    story.finding("i1", code="AC1", cause="activity", **YELLOW)
    bed = next(a for a in story.desk.open() if a.cause == "bed")
    assert bed.level is level
    raised = [e for t in story.log for e in t.events if isinstance(e, LevelRaised)]
    assert [e.reason for e in raised] == (["corroborated"] if level is Level.red else [])


@pytest.mark.parametrize(
    ("first", "second"), [(("AC2", "activity"), ("BD1", "bed")), (("BD1", "bed"), ("AC2", "activity"))]
)
def test_one_fact_told_by_two_rules_makes_nothing_surer(
    first: tuple[str, str], second: tuple[str, str]
) -> None:
    """Twenty minutes in the bathroom at night is out of bed for twenty minutes: evidence of each other, no emergency."""
    story = Story()
    story.finding("x1", code=first[0], cause=first[1], **YELLOW)
    story.wait(240)
    story.finding("x2", code=second[0], cause=second[1], **YELLOW)
    assert [a.level for a in story.desk.open()] == [Level.yellow, Level.yellow]
    assert [(f.code, bool(f.of)) for f in story.desk.open()[0].findings] == [
        (first[0], False),
        (second[0], True),
    ]
    story.wait(60)
    story.finding("x3", code="FL2", cause="fall", **YELLOW)
    assert {a.level for a in story.desk.open() if a.cause != "fall"} == {Level.red}, "a fall beside them does"


def test_a_red_one_brings_somebody_anyway() -> None:
    """SOS after a bed exit: the bed case has it as evidence and stays yellow; nobody is paged twice for it."""
    story = Story()
    story.finding("b1", code="BD1", cause="bed", **YELLOW)
    said = story.finding("s1", code="SOS1", cause="sos", quantity="sos", device="sos-0317", pictogram="sos")
    assert [(a.cause, a.level.value) for a in story.desk.open()] == [("sos", "red"), ("bed", "yellow")]
    assert {d.number for t in said for d in t.deliveries} == {318}


def test_what_another_home_does_bears_nothing_out() -> None:
    """And neither does a test."""
    story = Story()
    story.finding("b1", code="BD1", cause="bed", **YELLOW)
    story.finding("i1", home="h0400", code="AC1", cause="activity", **YELLOW)
    story.finding("i2", code="AC1", cause="activity", test=True, **YELLOW)
    assert {a.level for a in story.desk.open() if not a.test} == {Level.yellow}


def storm(story: Story, count: int, *, level: Level = Level.yellow, **more: Any) -> list[Transition]:
    out = []
    for n in range(count):
        out += story.finding(
            f"d{n}",
            home=f"s{n:03}",
            code="TE4",
            cause="offline",
            level=level,
            life=False,
            device=None,
            resident=None,
            title={"zh": "全户离线"},
            **more,
        )
        story.wait(0.5)
    return out


def test_a_storm_is_one_case_and_the_call_for_help_in_it_is_not() -> None:
    """Sixty homes fall silent within half a minute: five cases, one roll-up; the SOS has a number of its own."""
    story = Story(a_street())
    storm(story, 30)
    story.finding("s1", code="SOS1", cause="sos", quantity="sos", device="sos-0317", pictogram="sos")
    for n in range(30, STREET):
        story.finding(f"d{n}", home=f"s{n:03}", code="TE4", cause="offline", resident=None, **YELLOW)
    causes = Counter(a.cause for a in story.desk.open())
    assert causes == {"offline": 5, "storm": 1, "sos": 1}
    assert story.desk.open()[0].cause == "sos"
    rolled = next(a for a in story.desk.open() if a.cause == "storm")
    assert (rolled.code, rolled.level, rolled.home) == ("ST1", Level.yellow, "zpq")
    assert set(rolled.welfare) == {f"s{n:03}" for n in range(5, STREET)}
    to_the_desk = [
        d for t in story.log for d in t.deliveries if d.person == "s01" and d.level is not Level.red
    ]
    assert len(to_the_desk) == 6


def test_what_becomes_red_comes_out_of_the_roll_up() -> None:
    """A home of the key tier silent for an hour: its own case, with its own ladder."""
    story = Story(a_street())
    storm(story, 20)
    story.wait(3600)
    story.finding(
        "d15",
        home="s015",
        code="TE4",
        cause="offline",
        level=Level.red,
        life=False,
        device=None,
        resident=None,
        phase=Phase.changed,
        reason="level",
    )
    red = story.desk.open()[0]
    assert (red.home, red.level, red.cause) == ("s015", Level.red, "offline")
    assert "s07" in {d.person for d in story.log[-1].deliveries}


def test_a_storm_of_tasks_pages_nobody_and_ends_by_itself() -> None:
    """Forty low batteries: ten tasks and one list; when all are charged the list is gone, and later ones are told singly."""
    story = Story(a_street())
    storm(story, 40, level=Level.blue, auto_close=True)
    assert Counter(a.cause for a in story.desk.open()) == {"offline": 10, "storm": 1}
    assert story.told() == []
    for n in range(40):
        story.finding(
            f"d{n}", home=f"s{n:03}", code="TE4", cause="offline", level=Level.blue, phase=Phase.cleared,
            auto_close=True, resident=None,
        )  # fmt: skip
    assert story.desk.open() == []
    story.wait(600)
    story.finding("e1", home="s001", code="TE1", cause="device", level=Level.blue, life=False, device=None)
    assert [a.cause for a in story.desk.open()] == ["device"]


def test_a_crash_in_a_storm_changes_nothing() -> None:
    """Rebuilt from the log in the middle of it, the desk rolls up what follows as if nothing had happened."""
    straight, broken = Story(a_street()), Story(a_street())
    for story in (straight, broken):
        storm(story, 12)
        if story is broken:
            kept = [decode_transition(encode(t)) for t in broken.log]
            broken.desk = Desk.restore(broken.registry, kept, numbers=broken.numbers)
        for n in range(12, 30):
            story.finding(f"d{n}", home=f"s{n:03}", code="TE4", cause="offline", resident=None, **YELLOW)
    assert straight.desk.alerts == broken.desk.alerts


def an_outage(story: Story) -> None:
    homes = [f"s{n:03}" for n in (10, 20, 11, 12)]
    found = a_finding("area", at=story.now, home="s010", code="TE5", cause="area", device=None, life=False)
    told = {"area": "银杏小区 3 幢", "homes": homes, "back": ["s012"]}
    story.hear(msgspec.structs.replace(found, parameters=told))


def test_the_homes_of_an_outage_are_ticked_off_one_by_one() -> None:
    """重点 first; an answered call ticks a home off; a home that is not on the list is refused by name."""
    story = Story(a_street())
    an_outage(story)
    assert story.alert.welfare == ("s010", "s020", "s011", "s012")
    story.do("call", to="s011", result="answered")
    story.do("check", to="s010", result="no_answer", note="门没人应")
    story.do("check", to="s010", result="safe", actor="s07")
    for body, reason in (
        ({"to": "s030", "result": "safe"}, "not_on_list"),
        ({"to": "s020", "result": "fine"}, "bad_field"),
        ({"result": "safe"}, "missing_field"),
    ):
        with pytest.raises(NotAllowed, match=reason):
            story.do("check", **body)
    shown = alert_json(story.alert, story.registry, story.now)["welfare"]
    assert [(w["home"], w["tier"], w["result"], w["by_name"], w["back"]) for w in shown] == [
        ("s010", "key", "safe", "林国平", False),
        ("s020", "key", None, None, False),
        ("s011", "general", "safe", "陈敏芝", False),
        ("s012", "general", None, None, True),
    ]
    said = [x["type"] for t in story.log for x in lines(t, story.desk.alerts[t.alert])]
    assert said.count("alert.check") == 2


def test_many_homes_are_called_safe_only_when_each_of_them_is() -> None:
    """平安 (O1) is said of every one: who was not asked is not known to be well. Any other outcome may end it before."""
    closing = {"cause": "C22", "verification": "V1", "actions": ["A1"], "truth": "real"}
    story = Story(a_street())
    an_outage(story)
    story.do("check", to="s010", result="safe")
    story.do("check", to="s020", result="visit")
    with pytest.raises(NotAllowed, match=r"not_reached_cannot_close.*3 homes"):
        story.do("close", **closing, outcome="O1")
    for home in ("s020", "s011", "s012"):
        story.do("check", to=home, result="safe")
    story.do("close", **closing, outcome="O1")
    assert story.alert.outcome is not None
    other = Story(a_street())
    an_outage(other)
    other.do("close", **closing, outcome="O3")
    assert not other.alert.open


def test_a_case_is_called_what_its_finding_says_now() -> None:
    """A minute later it is twelve homes of the whole place: no case goes on saying four of one building. A graver or milder word of it does not rename a case."""
    story = Story(a_street())

    def outage(homes: int, **more: Any) -> None:
        title = {"zh": f"总浦桥社区大面积断线：{homes} 户失联", "en": f"{homes} homes not heard"}
        found = a_finding(
            "area", at=story.now, home="s010", code="TE5", cause="area", device=None, title=title
        )
        told = {"area": "总浦桥社区", "homes": [f"s{n:03}" for n in range(10, 10 + homes)]}
        story.hear(msgspec.structs.replace(found, parameters=told, **more))

    outage(4)
    story.wait(60)
    changed = {"event_id": "more", "phase": Phase.changed, "reason": "evidence"}
    outage(12, **changed)
    assert story.alert.title["zh"] == "总浦桥社区大面积断线：12 户失联"
    assert len(story.alert.welfare) == 12
    outage(3, **{**changed, "event_id": "milder", "level": Level.yellow})
    assert story.alert.title["zh"] == "总浦桥社区大面积断线：12 户失联"


def test_an_outage_does_not_call_anybody_to_one_door() -> None:
    """An unanswered phone on the list sends nobody by itself: there are forty doors."""
    story = Story(a_street())
    an_outage(story)
    story.do("call", to="s010", result="no_answer")
    assert story.alert.unanswered_due is None


def take_up(worker: Worker, batch: Sequence[Stored]) -> None:
    """What the reader of findings does."""
    worker._backlog.extend((m, worker._read(m)) for m in batch)
    worker._read_to = batch[-1].seq


async def test_one_homes_flood_holds_up_nobody_elses_call() -> None:
    """Behind 200 changes of one home an SOS of another is a case at once; after a crash nothing is heard twice."""
    stream, clock = MemoryStream(), ManualClock(NOON)
    for n in range(200):
        flooding = a_finding("f1", phase=Phase.changed if n else Phase.opened, occurrences=n + 1)
        stream.append(flooding.subject, encode(flooding), message_id=flooding.event_id)
    call = a_finding("s1", home="h0400", code="SOS1", cause="sos", quantity="sos", device="sos-0400")
    stream.append(call.subject, encode(call), message_id=call.event_id)
    worker = Worker(stream, clock, registry())
    await worker.start()
    take_up(worker, stream.messages("FINDINGS"))
    await worker._hear_some()
    assert {a.cause for a in worker.desk.open()} == {"fire", "sos"}
    assert worker._source == 1, "199 of them are still to be heard"
    other = Worker(stream, clock, registry())
    await other.start()
    take_up(other, stream.messages("FINDINGS")[other._source :])
    while other._backlog:
        await other._hear_some()
    assert other._source == 201
    assert sorted((a.cause, a.number, a.finding("f1") is not None) for a in other.desk.open()) == [
        ("fire", 1, True),
        ("sos", 2, False),
    ]
    raised = [m for m in stream.messages("ALERTS") if b'"raised"' in m.data]
    assert len(raised) == 2


async def test_a_storm_is_worked_off_and_has_a_number_of_its_own() -> None:
    """What falls silent together is rolled up by the worker too, while a call for help is heard; no number twice."""
    site = registry(a_street())
    stream, clock = MemoryStream(), ManualClock(NOON)
    for n in range(20):
        silent = a_finding(f"d{n}", home=f"s{n:03}", code="TE4", cause="offline", resident=None, **YELLOW)
        stream.append(silent.subject, encode(silent), message_id=silent.event_id)
    call = a_finding(
        "s1", home="s010", code="SOS1", cause="sos", quantity="sos", device="sos-1", resident=None
    )
    stream.append(call.subject, encode(call), message_id=call.event_id)
    worker = Worker(stream, clock, site)
    await worker.start()
    take_up(worker, stream.messages("FINDINGS"))
    await worker._hear_some()
    assert "sos" in {a.cause for a in worker.desk.open()}, "it does not wait for the twenty"
    while worker._backlog:
        await worker._hear_some()
    assert Counter(a.cause for a in worker.desk.open()) == {"offline": 5, "storm": 1, "sos": 1}
    assert sorted(a.number for a in worker.desk.open()) == list(range(1, 8))


async def test_a_finding_that_trips_the_desk_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours over one finding is recorded, people are told that an alarm was not understood, the rest goes on."""
    stream, clock = MemoryStream(), ManualClock(NOON)
    bad = a_finding("bad", code="GS1", cause="gas", quantity="gas", device="gas-0317")
    call = a_finding("s1", home="h0400", code="SOS1", cause="sos", quantity="sos", device="sos-0400")
    for finding in (bad, call):
        stream.append(finding.subject, encode(finding), message_id=finding.event_id)
    worker = Worker(stream, clock, registry())
    await worker.start()
    decided = worker.desk.on_finding

    def trips(finding: Finding, now: datetime, *, source: int = 0) -> list[Transition]:
        if finding.finding == "bad":
            raise KeyError(finding.home)
        return decided(finding, now, source=source)

    monkeypatch.setattr(worker.desk, "on_finding", trips)
    take_up(worker, stream.messages("FINDINGS"))
    while worker._backlog:
        await worker._hear_some()
    assert [a.cause for a in worker.desk.open()] == ["sos"]
    (refusal,) = (decode(m.data, Refusal) for m in stream.messages("QUARANTINE"))
    assert (refusal.reason, refusal.home, refusal.device, refusal.alarm) == (
        "failed",
        "h0317",
        "gas-0317",
        True,
    )
    assert "KeyError" in refusal.detail


async def test_five_hundred_calls_at_once_are_five_hundred_cases() -> None:
    """Every home its own number, every first page once; read again after a crash in the middle nothing doubles."""
    homes = "\n".join(f"  - {{id: x{n:03}, micro_grid: g05-2}}" for n in range(500))
    site = registry(SITE.replace("staff:\n", homes + "\nstaff:\n", 1))
    stream, clock = MemoryStream(), ManualClock(NOON)
    for n in range(500):
        f = a_finding(f"s{n}", home=f"x{n:03}", code="SOS1", cause="sos", quantity="sos", device=f"sos{n}",
                      pictogram="sos")  # fmt: skip
        stream.append(f.subject, encode(f), message_id=f.event_id)
    batch = stream.messages("FINDINGS")
    worker = Worker(stream, clock, site)
    await worker.start()
    take_up(worker, batch)
    for _ in range(2):
        await worker._hear_some()
    rest = worker._backlog
    # A second worker that starts from what is durable reads a part again, and the rest.
    other = Worker(stream, clock, site)
    await other.start()
    assert other._source <= batch[-len(rest) - 1].seq
    take_up(other, [m for m in batch if m.seq > other._source])
    while other._backlog:
        await other._hear_some()
    numbers = [a.number for a in other.desk.open()]
    assert sorted(numbers) == list(range(1, 501))
    pages = [m.data for m in stream.messages("DELIVERIES", "deliveries.urgent.>")]
    assert len(pages) == len(set(pages)) == 1000, "desk and micro-grid, each once"


def test_joining_findings_of_a_closed_case_are_not_lost() -> None:
    """A gas alarm whose evidence lies in a fire case that was closed still is a case of its own."""
    story = Story()
    story.finding("f1")
    story.do("close", **CODES)
    story.finding("g1", code="GS1", cause="gas", quantity="gas", device="gas-1")
    assert [a.cause for a in story.desk.open()] == ["gas"]
    assert not any(isinstance(e, Joined) for t in story.log for e in t.events)


def test_tasks_that_turn_yellow_together_are_rolled_up_too() -> None:
    """Ten blue cases that become yellow within a minute: five say so, the others are in the roll-up."""
    story = Story(a_street())
    storm(story, 10, level=Level.blue)
    story.wait(1200)
    for n in range(10):
        story.finding(
            f"d{n}", home=f"s{n:03}", code="TE4", cause="offline", phase=Phase.changed, reason="level",
            resident=None, **YELLOW,
        )  # fmt: skip
    levels = Counter((a.cause, a.level.value) for a in story.desk.open())
    assert levels == {("offline", "yellow"): 5, ("offline", "blue"): 5, ("storm", "yellow"): 1}
    assert len([d for t in story.log for d in t.deliveries if d.person == "s01"]) == 6


GATEWAY = """
community: {id: c, name: c}
grids: [{id: g, name: g, micro_grids: [{id: m, name: m}]}]
homes:
HOMES
staff:
  - {id: op, name: a, role: operator, notify: ["json://127.0.0.1:1/op"]}
  - {id: sup, name: b, role: supervisor, notify: ["json://127.0.0.1:1/sup"]}
  - {id: mgr, name: c, role: admin, notify: ["json://127.0.0.1:1/mgr"]}
  - {id: gw, name: d, role: grid_worker, micro_grids: [m], notify: ["json://127.0.0.1:1/gw"]}
"""
KINDS = ("motion", "door", "smoke", "sos", "water_leak", "gas", "climate")


@pytest.mark.parametrize(("homes", "devices"), [(1, 299), (43, 6)])
def test_a_gateway_with_three_hundred_devices_dies(homes: int, devices: int) -> None:
    """One dead box, or one staircase without power: one case, and nobody gets more than three messages in the hour."""
    site = GATEWAY.replace(
        "HOMES",
        "\n".join(
            f"  - {{id: h{h}, micro_grid: m, address: 银杏小区 3 幢 {h}, residents: [{{id: r{h}, name: x}}], devices: ["
            f"{{id: gw{h}, kind: gateway}}"
            + "".join(f", {{id: d{h}-{d}, kind: {KINDS[d % 7]}}}" for d in range(devices))
            + "]}"
            for h in range(homes)
        ),
    )
    said: list[dict[str, Any]] = []
    film = Film(read_site(site), load(()), said.append)
    at = NOON
    for _ in range(2):
        for home in film.site.homes:
            for device in home.devices:
                film.feed({"at": at.isoformat(), "topic": f"anxin/v1/{home.id}/{device.id}", "payload": {"battery": 90}}, 1)  # fmt: skip
        at += seconds(30)
    for home in film.site.homes:
        film.feed({"at": at.isoformat(), "topic": f"anxin/v1/{home.id}/status", "payload": {"state": "offline"}}, 1)  # fmt: skip
    film.feed(
        {"at": (at + seconds(400)).isoformat(), "command": "acknowledge", "alert": "last", "by": "op"}, 1
    )
    film.feed({"at": (at + seconds(410)).isoformat(), "command": "call", "alert": "last", "by": "op",
               "to": "home", "result": "answered"}, 1)  # fmt: skip
    film.feed({"at": (at + seconds(3600)).isoformat(), "advance": True}, 1)
    raised = [x for x in said if x["type"] == "alert.raised"]
    assert [x["code"] for x in raised] == (["TE4"] if homes == 1 else ["TE5"])
    by_person = Counter(x["person"] for x in said if x["type"] == "delivery.due")
    assert max(by_person.values()) <= 3, by_person


def test_every_cause_of_the_table_is_one_that_findings_have() -> None:
    """A name that no rule uses bears nothing out, and nobody would notice."""
    rules = case_rules()
    used = {rule.doc.cause.partition(":")[0] for rule in load().rules.values()}
    ours = {"company", "visit", "test", "reach", "call", "round", "request", "duty", "meal"}
    named = {c for pair in rules.corroborate for c in pair} | set(rules.join_minutes.causes)
    named |= {*rules.roll_up.causes, *rules.roll_up.never}
    codes = {code for pair in rules.same_fact for code in pair}
    assert codes <= set(load().rules), "a pair of codes that no rule has"
    assert named - ours <= used, f"no rule has the cause {sorted(named - ours - used)}"


# -- what speaks against it ------------------------------------------------------------------------------------

LOST = {
    "code": "VT7",
    "cause": "vitals",
    "quantity": "respiration_rate",
    "device": "belt-1",
    "pictogram": "vitals",
}


def contradicted(story: Story, name: str = "v1", **more: Any) -> list[Transition]:
    """Somebody moves in another room: the rule lowers its finding and names the motion as evidence."""
    seen = Evidence(device="motion-1", quantity="motion", value=True, at=story.now)
    finding = a_finding(
        name, at=story.now, onset_at=NOON, phase=Phase.changed, level=Level.yellow, life=True, reason="level", tags=["contradicted"],
        **{**LOST, **more},
    )  # fmt: skip
    return story.hear(msgspec.structs.replace(finding, evidence=[seen]))


def test_what_contradicts_a_case_lowers_it_one_step_and_stands_on_it_as_evidence() -> None:
    """Vital signs lost, then somebody walks in the kitchen: yellow, told as such, the milder ladder from then on."""
    story = Story()
    story.finding("v1", **LOST)
    (red,) = story.desk.open()
    story.wait(20)
    said = contradicted(story)
    (case,) = story.desk.open()
    assert (red.level, case.level, case.state) == (Level.red, Level.yellow, red.state)
    assert kinds(said, case.number) == ["FindingChanged", "LevelLowered", "Told"]
    assert "motion-1" in {e.device for e in case.findings[0].evidence}
    assert case.generation == red.generation + 1, "messages of the red one are out of date"
    assert case.opened_at == story.now
    assert {d.reason.value for t in said for d in t.deliveries} == {"level_down"}
    assert case.life
    assert not any(r.after_seconds < 30 for r in case.plan if r.step), "nobody is chased by the red ladder"
    assert alert_json(case, story.registry, story.now)["level"] == "yellow"
    log = [e for t in story.log for e in t.events]
    assert decode_transition(encode(story.log[-1])) == story.log[-1]
    assert [e.finding for e in log if type(e).__name__ == "LevelLowered"] == ["v1"]


def test_a_lowered_case_that_somebody_has_stays_theirs_and_only_they_are_told() -> None:
    """Acknowledged, with somebody on the way: nobody is paged anew, who goes hears of it, the next red is red again."""
    story = Story()
    story.finding("v1", **LOST)
    story.do("acknowledge")
    story.do("dispatch", responders=["s07"])
    story.wait(10)
    said = contradicted(story)
    (case,) = story.desk.open()
    assert (case.owner, case.state.value, case.resumed) == ("s01", "dispatched", False)
    assert {d.person for t in said for d in t.deliveries} == {"s01", "s07"}
    story.wait(10)
    story.finding("v2", **{**LOST, "code": "VT1"})
    (case,) = story.desk.open()
    assert case.level is Level.red


@pytest.mark.parametrize("cause", ["sos", "fall", "fire", "gas"])
def test_a_call_for_help_and_fire_and_gas_are_never_lowered(cause: str) -> None:
    """Whatever speaks against them is evidence and nothing more."""
    story = Story()
    story.finding("v1", **{**LOST, "cause": cause})
    contradicted(story, cause=cause)
    (case,) = story.desk.open()
    assert case.level is Level.red
    assert "motion-1" in {e.device for e in case.findings[0].evidence}


def test_what_is_as_grave_beside_it_keeps_the_case_red() -> None:
    """A second red finding of the case, or another cause that bears it out; and a level that falls for another reason."""
    two = Story()
    two.finding("v1", **LOST)
    two.finding("v2", **{**LOST, "code": "VT1"})
    contradicted(two)
    borne_out = Story()
    borne_out.finding("v1", **LOST)
    borne_out.finding("s1", code="SOS1", cause="sos", quantity="sos", device="sos-0317", pictogram="sos")
    contradicted(borne_out)
    unsaid = Story()
    unsaid.finding("v1", **LOST)
    unsaid.finding("v1", phase=Phase.changed, reason="level", **{**LOST, "level": Level.yellow, "life": True})
    for story in (two, borne_out, unsaid):
        assert next(a for a in story.desk.open() if a.cause == "vitals").level is Level.red
