"""Who is told when nobody answers, and exactly when."""

from datetime import timedelta

import pytest

from alerts.events import Dispatched, Escalated, NobodyThere, Reminded, Resumed
from alerts.ladder import next_step, plan_for, read_ladders, rows
from alerts.lines import lines
from alerts.proposing import SERVICE
from alerts.telling import told
from care.errors import Misconfigured
from care.site import Policy
from care.words import Level, Phase, Tier
from tests.unit.test_alert_house import CODES, NOON, SITE, Story, a_finding


def test_the_red_ladder_to_the_second() -> None:
    """0 desk and micro-grid, 30 all desks, 60 supervisor, 120 manager and grid, 600 the promise."""
    story = Story()
    story.finding()
    story.wait(601)
    told = [t for t in story.told() if t[3] != "reminder"]
    assert told == [
        (0, "s01", 0, "opened"),
        (0, "s07", 0, "opened"),
        (30, "s01", 1, "escalated"),
        (30, "s02", 1, "escalated"),
        (60, "s03", 2, "escalated"),
        (120, "s04", 3, "escalated"),
        (120, "s07", 3, "escalated"),
        (120, "s08", 3, "escalated"),
        (600, "s03", 4, "escalated"),
        (600, "s04", 4, "escalated"),
    ]
    assert story.alert.promise == "broken"
    assert [s.late_seconds for s in story.alert.steps] == [0] * 5


@pytest.mark.parametrize(
    ("acknowledge", "steps"), [(60, [30, 60, 120]), (30, [15, 30, 60]), (90, [45, 90, 180])]
)
def test_the_ladder_scales_with_the_promise(acknowledge: float, steps: list[float]) -> None:
    """½×, 1× and 2× the community's own limit; the promise at its own minutes."""
    plan = plan_for(Level.red, Policy(acknowledge_seconds=acknowledge, arrive_minutes=12))
    assert [r.after_seconds for r in plan.rungs] == [0, *steps, 720]
    assert [r.promise for r in plan.rungs] == [False, False, False, False, True]


def test_blue_and_tests_page_nobody() -> None:
    """A task is on the list; a test is a test."""
    assert plan_for(Level.blue, Policy()).rungs == ()
    assert plan_for(Level.red, Policy(), test=True).rungs == ()
    story = Story()
    story.finding(level=Level.blue, code="TE1", cause="device:x", life=False)
    story.finding("t1", test=True, at=story.now)
    story.wait(3600)
    assert story.told() == []
    assert [a.level for a in story.desk.open()] == [Level.blue, Level.blue]


def test_yellow_waits_longer() -> None:
    """Desk at once, supervisor after ten minutes, everybody after half an hour, somebody there after two hours."""
    story = Story()
    story.finding(level=Level.yellow, code="BD1", cause="bed", life=False)
    story.wait(1801)
    assert story.told() == [
        (0, "s01", 0, "opened"),
        (600, "s03", 1, "escalated"),
        (1800, "s01", 2, "escalated"),
        (1800, "s02", 2, "escalated"),
        (1800, "s04", 2, "escalated"),
    ]
    assert story.alert.arrive_by == story.begun + timedelta(hours=2)
    assert [t for t in story.told(story.wait(5401)) if t[3] == "escalated"] == [
        (7200, "s03", 3, "escalated"),
        (7200, "s04", 3, "escalated"),
        (7200, "s07", 3, "escalated"),
    ]


def test_a_yellow_case_whose_phone_was_answered_needs_no_visit() -> None:
    """The promise of two hours falls away; it stays with whoever took it until it is closed."""
    story = Story()
    story.finding(level=Level.yellow, code="BD1", cause="bed", life=False)
    story.do("call", to="home", result="answered")
    assert (story.wait(8000), story.alert.promise) == ([], "none")


def test_the_ladder_is_data_by_level_cause_and_tier() -> None:
    """The first entry that fits; a ladder that cannot be read names the line that is wrong."""
    groups = {
        (level, cause, tier): plan_for(level, Policy(), cause=cause, tiers=[Tier(tier)]).rungs[1].groups
        for level, cause, tier in (
            (Level.red, "fire", "key"),
            (Level.red, "area", "general"),
            (Level.yellow, "bed", "general"),
            (Level.yellow, "bed", "key"),
            (Level.yellow, "duty:g05-2", "general"),
            (Level.yellow, "device:gas-0317", "key"),
        )
    }
    assert groups == {
        (Level.red, "fire", "key"): ("operators",),
        (Level.red, "area", "general"): ("operators",),
        (Level.yellow, "bed", "general"): ("supervisors",),
        (Level.yellow, "bed", "key"): ("supervisors", "responders_here"),
        (Level.yellow, "duty:g05-2", "general"): ("supervisors",),
        (Level.yellow, "device:gas-0317", "key"): ("supervisors", "maintenance"),
    }


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ladders: [{level: red, steps: [{after: 0, to: [cooks], label: {}}]}]", "unknown group cooks"),
        ("ladders: [{level: red, steps: [{after: 5, to: [], label: {}}]}]", "begin at 0"),
        ("ladders: [{level: red, steps: [{after: 3 moons, to: [], label: {}}]}]", "cannot read"),
        ("ladders: [{level: mauve, steps: []}]", "mauve"),
        ("ladders: [{level: red, steps: []}]", "no ladder for every case that is yellow"),
    ],
)
def test_a_ladder_that_makes_no_sense_says_what_is_wrong(text: str, word: str) -> None:
    """Refused when loaded, by name, not when somebody calls for help."""
    with pytest.raises(Misconfigured, match=word):
        read_ladders(text)


def unanswered(story: Story) -> list[tuple[float, str, tuple[str, ...]]]:
    return [
        (story.since(e.at), e.by, e.responders)
        for t in story.log
        for e in t.events
        if isinstance(e, Dispatched) and e.by == SERVICE
    ]


def test_a_call_for_help_that_does_not_answer_the_phone_sends_somebody() -> None:
    """SOS2: 60 s after it was taken without an answer the nearest two on duty are asked to go; nobody needs to think of it."""
    story = Story()
    story.finding("s1", code="SOS1", cause="sos", quantity="sos", device="sos-0317", pictogram="sos")
    story.wait(10)
    story.do("acknowledge")
    story.wait(20)
    story.do("call", to="home", result="no_answer")
    story.wait(39)
    assert unanswered(story) == []
    story.wait(1)
    assert unanswered(story) == [(70, SERVICE, ("s07", "s08"))]
    assert "SOS2" in [f.code for f in story.alert.findings]
    assert (story.alert.state, story.alert.occurrences) == ("dispatched", 1)
    story.wait(61)
    assert story.alert.resumed, "nobody accepted: loud again"


def test_a_second_ring_without_an_answer_sends_at_once_and_an_answer_sends_nobody() -> None:
    """Two ring cycles are the rule; a relative's answer does not stand for the resident's."""
    story = Story()
    story.finding("s1", code="SOS1", cause="sos", quantity="sos", device="sos-0317", pictogram="sos")
    story.do("call", to="home", result="no_answer")
    story.wait(25)
    story.do("call", to="c0317a", result="answered")
    story.do("call", to="home", result="busy")
    story.wait(0)
    assert unanswered(story) == [(25, SERVICE, ("s07", "s08"))]
    other = Story()
    other.finding("s1", code="SOS1", cause="sos", quantity="sos", device="sos-0317", pictogram="sos")
    other.do("call", to="home", result="no_answer")
    other.wait(30)
    other.do("call", to="home", result="answered")
    other.wait(300)
    assert unanswered(other) == []


def test_nobody_to_send_is_said_and_loud() -> None:
    """No responder at all: the fact is recorded, and the case goes back to everybody."""
    text = SITE
    for role in ("grid_worker", "volunteer", "neighbour"):
        text = text.replace(f"role: {role}", "role: doctor")
    story = Story(text)
    story.finding("s1", code="SOS1", cause="sos", quantity="sos", device="sos-0317", pictogram="sos")
    story.do("call", to="home", result="no_answer")
    fired = story.wait(60)
    assert any(isinstance(e, NobodyThere) for t in fired for e in t.events)
    assert story.alert.resumed


def test_an_empty_step_is_a_fact_and_the_next_comes_at_once() -> None:
    """No supervisor: step 2 says nobody, and the manager is told in the same second."""
    story = Story(SITE.replace("role: supervisor", "role: doctor"))
    story.finding()
    fired = story.wait(60)
    events = [(story.since(e.at), type(e).__name__) for t in fired for e in t.events]
    assert (60, "NobodyThere") in events
    assert [t[:4] for t in story.told(fired) if t[0] == 60] == [
        (60, "s04", 3, "nobody"),
        (60, "s07", 3, "nobody"),
        (60, "s08", 3, "nobody"),
    ]


def test_the_service_sends_only_whom_a_message_reaches() -> None:
    """No person stands behind that order who would ring the others up: the next nearest is asked; nobody, and it is loud."""
    story = Story(SITE.replace('notify: ["json://127.0.0.1:1/s07"]', 'phone: "1390"'))
    story.finding("s1", code="SOS1", cause="sos", quantity="sos", device="sos-0317", pictogram="sos")
    story.do("call", to="home", result="no_answer")
    story.wait(60)
    assert [who for _, _, who in unanswered(story)] == [("s08", "s09")]
    text = SITE
    for one in ("s07", "s08", "s09"):
        text = text.replace(f'notify: ["json://127.0.0.1:1/{one}"]', 'phone: "1390"')
    other = Story(text)
    other.finding("s1", code="SOS1", cause="sos", quantity="sos", device="sos-0317", pictogram="sos")
    other.do("call", to="home", result="no_answer")
    fired = other.wait(60)
    assert unanswered(other) == []
    assert any(isinstance(e, NobodyThere) for t in fired for e in t.events)
    assert other.alert.resumed


def test_with_nobody_on_duty_who_can_be_told_those_off_duty_are_asked() -> None:
    """A phone without messages on duty is not somebody who was told."""
    text = SITE.replace("\nshifts:", "\nshifts:\n  - {staff: s08, days: daily, from: '20:00', to: '06:00'}")
    story = Story(text.replace('notify: ["json://127.0.0.1:1/s07"]', 'phone: "1390"'))
    story.finding()
    story.wait(121)
    assert (120, "s08") in [t[:2] for t in story.told()]


def test_whom_no_message_reaches_is_sent_by_hand_and_the_ladder_goes_on() -> None:
    """The desk may send somebody it rings up; without a yes within 60 s the case is loud again."""
    story = Story(SITE.replace('notify: ["json://127.0.0.1:1/s07"]', 'phone: "1390"'))
    story.finding()
    story.do("dispatch", responders=["s07"])
    assert told(story.alert, "s07") == "no_channel"
    story.wait(61)
    assert story.alert.resumed
    assert story.alert.step > 0


NIGHTS = "".join(
    f"\n  - {{staff: {s}, days: daily, from: '20:00', to: '06:00'}}" for s in ("s07", "s08", "s09")
)


@pytest.mark.parametrize(
    ("away", "asked"),
    [((), ["s07", "s08"]), (("s07",), ["s08"]), (("s07", "s08"), ["s09"]), (("s07", "s08", "s09"), [])],
)
def test_with_no_responder_on_duty_those_off_duty_are_asked(away: tuple[str, ...], asked: list[str]) -> None:
    """The whole grid at 120 s, then everywhere; who is away is left alone, and a home that does not answer is sent the same."""
    text = SITE.replace("\nshifts:", f"\nshifts:{NIGHTS}")
    gone = "".join(f"\n  - {{staff: {s}, from: 2026-05-23, to: 2026-05-24, note: 休假}}" for s in away)
    text = text.replace("\npolicy:", f"\nabsences:{gone}\npolicy:") if away else text
    story = Story(text)
    story.finding()
    story.wait(121)
    told = [t[:2] for t in story.told() if t[1] in ("s07", "s08", "s09")]
    assert told == [(120, s) for s in asked]
    other = Story(text)
    other.finding("s1", code="SOS1", cause="sos", quantity="sos", device="sos-0317", pictogram="sos")
    other.do("call", to="home", result="no_answer")
    other.wait(60)
    assert [sorted(who) for _, _, who in unanswered(other)] == ([asked] if asked else [])


def test_with_nobody_at_all_the_alert_keeps_saying_so() -> None:
    """No staff: every step is recorded as empty at once, and again with each reminder."""
    head, _, tail = SITE.partition("staff:\n")
    story = Story(head + tail[tail.index("policy:") :])
    story.finding()
    story.wait(600)
    nobody = [e for t in story.log for e in t.events if isinstance(e, NobodyThere)]
    assert [story.since(e.at) for e in nobody][:4] == [0, 0, 0, 0]
    assert len([e for e in nobody if story.since(e.at) > 0]) >= 4
    assert story.told() == []


def test_overdue_steps_fire_at_once_and_say_how_late() -> None:
    """After a stop of 100 s the steps of 30 and 60 s come together, at the times they were due."""
    story = Story()
    story.finding()
    story.now += timedelta(seconds=100)
    fired = story.keep(story.desk.tick(story.now))
    steps = [e for t in fired for e in t.events if isinstance(e, Escalated)]
    assert [(e.step, story.since(e.at), e.late_seconds) for e in steps] == [(1, 30, 70), (2, 60, 40)]
    assert story.desk.tick(story.now) == []


def test_one_reminder_stands_for_all_that_were_missed() -> None:
    """After a night of stillness nobody gets two hundred messages."""
    story = Story()
    story.finding()
    story.wait(121)
    story.now += timedelta(hours=6)
    fired = story.keep(story.desk.tick(story.now))
    assert len([e for t in fired for e in t.events if isinstance(e, Reminded)]) == 1
    due = story.desk.next_due()
    assert due is not None
    assert due > story.now


def test_acknowledging_stops_the_noise_not_the_clock() -> None:
    """Taken at 20 s and left: after 60 s more it is loud, and the steps it missed come at once."""
    story = Story()
    story.finding()
    story.wait(20)
    story.do("acknowledge")
    assert story.alert.next_step_at == story.begun + timedelta(seconds=80)
    fired = story.wait(101)
    resumed = [e for t in fired for e in t.events if isinstance(e, Resumed)]
    assert [(story.since(e.at), e.reason) for e in resumed] == [(80, "idle")]
    steps = [e for t in fired for e in t.events if isinstance(e, Escalated)]
    assert [(e.step, story.since(e.at), e.late_seconds) for e in steps] == [
        (1, 80, 0),
        (2, 80, 0),
        (3, 120, 0),
    ]
    assert story.alert.resumed
    assert story.alert.state == "acknowledged"


@pytest.mark.parametrize(
    ("work", "resumes"),
    [
        (("call", {"to": "home", "result": "answered"}), None),
        # 60 s after it was taken somebody is sent; who then does not accept for 60 s leaves it loud.
        (("call", {"to": "home", "result": "no_answer"}), 140),
        (("dispatch", {"responders": ["s07"]}), 100),
        (("note", {"note": "…"}), 80),
        (("hold", {"seconds": 90}), 130),
        (("accept", {"by": "s07"}), None),
        (("arrive", {"by": "s07"}), None),
    ],
)
def test_what_counts_as_working_on_it(work: tuple[str, dict[str, object]], resumes: float | None) -> None:
    """An answered call or somebody on the way keeps it quiet; an unanswered one or an offer only for a minute."""
    story = Story()
    story.finding()
    story.wait(20)
    story.do("acknowledge")
    story.wait(20)
    story.do(work[0], **work[1])
    fired = story.wait(500)
    resumed = [story.since(e.at) for t in fired for e in t.events if isinstance(e, Resumed)]
    assert resumed == ([] if resumes is None else [resumes])


def test_the_promise_is_kept_by_whoever_arrives_in_time() -> None:
    """On site at 9:59: no step at 10:00. The promise runs however well the case is worked on."""
    story = Story()
    story.finding()
    story.wait(10)
    story.do("dispatch", responders=["s07"])
    story.do("accept", actor="s07")
    story.wait(570)
    story.do("arrive", actor="s07")
    assert (story.alert.promise, story.wait(100)) == ("kept", [])


def test_the_promise_is_broken_when_nobody_is_there() -> None:
    """On the way is not there: at 10:00 supervisor and manager hear of it; arriving later changes nothing."""
    story = Story()
    story.finding()
    story.wait(10)
    story.do("dispatch", responders=["s07"])
    story.do("accept", actor="s07")
    fired = story.wait(600)
    assert story.told(fired) == [(600, "s03", 4, "escalated"), (600, "s04", 4, "escalated")]
    story.do("arrive", actor="s07")
    assert story.alert.promise == "broken"


def test_a_closed_case_is_still() -> None:
    """Nothing is due once it has ended."""
    story = Story()
    story.finding()
    story.do("acknowledge")
    story.do("close", **CODES)
    assert story.desk.next_due() is None
    assert story.wait(3600) == []


def test_next_step_names_people_and_time() -> None:
    """The next step with its people; none once somebody goes and has arrived."""
    story = Story()
    story.finding()
    step = next_step(story.alert, roster=story.desk.roster, now=story.now)
    assert step is not None
    assert (step.rung.step, story.since(step.due_at), [p.id for p in step.people]) == (1, 30, ["s01", "s02"])
    story.do("arrive", actor="s07")
    assert next_step(story.alert, roster=story.desk.roster, now=story.now) is None


def test_the_rows_of_the_screen() -> None:
    """Done, next, waiting; the promise last; skipped once somebody has it."""
    story = Story()
    story.finding()
    story.wait(31)
    drawn = rows(story.alert, roster=story.desk.roster, now=story.now)
    assert [(r.step, r.state, r.label["zh"]) for r in drawn] == [
        (0, "done", "大屏值班席"),
        (1, "done", "全部值班席"),
        (2, "next", "值班组长"),
        (3, "waiting", "主任、全网格"),
        (4, "waiting", "到场"),
    ]
    story.do("call", to="home", result="answered")
    drawn = rows(story.alert, roster=story.desk.roster, now=story.now)
    assert [r.state for r in drawn] == ["done", "done", "skipped", "skipped", "next"]


def test_more_urgent_begins_a_new_ladder() -> None:
    """Yellow taken by somebody becomes red: loud again, first page at once, all times from now."""
    story = Story()
    story.finding("b1", level=Level.yellow, code="BD1", cause="bed", life=False)
    story.do("acknowledge")
    story.do("call", to="home", result="answered")
    story.wait(300)
    story.begun = story.now
    story.finding(
        "b1", level=Level.red, code="BD1", cause="bed", phase=Phase.changed, reason="level", life=False
    )
    assert story.alert.level == Level.red
    assert story.alert.resumed
    assert story.alert.generation == 2
    story.wait(61)
    reasons = [(t[0], t[1], t[3]) for t in story.told() if t[0] >= 0]
    assert reasons == [
        (0, "s01", "level_up"),
        (0, "s07", "level_up"),
        (30, "s01", "escalated"),
        (30, "s02", "escalated"),
        (60, "s03", "escalated"),
    ]


def test_delivery_ids_are_stable_and_their_own() -> None:
    """The same story gives the same ids; no two messages of a story share one."""
    ids = []
    for _ in range(2):
        story = Story()
        story.finding()
        story.wait(1000)
        ids.append([d.id for t in story.log for d in t.deliveries])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(ids[0])


def test_replay_lines_have_the_fields_of_the_contract() -> None:
    """alert.raised, alert.escalated and delivery.due as contract section 7 has them."""
    story = Story()
    story.finding()
    story.wait(30)
    out = [line for t in story.log for line in lines(t, story.desk.alerts[t.alert])]
    assert [line["type"] for line in out] == [
        "alert.raised",
        "delivery.due",
        "delivery.due",
        "alert.escalated",
        "delivery.due",
        "delivery.due",
    ]
    raised, due, _, step, *_ = out
    assert (raised["code"], raised["level"], raised["home"], raised["resident"]) == (
        "SM1",
        "red",
        "h0317",
        "r0317",
    )
    assert (raised["device"], raised["rule"], raised["number"]) == ("smoke-0317", "SM1", 317)
    assert (due["person"], due["channel"], due["step"], due["reason"]) == ("s01", "json", 0, "opened")
    assert step["at"] == "2026-05-23T04:06:54.000Z"


def test_the_first_finding_is_the_one_of_noon() -> None:
    """12:06:24 in the community is 04:06:24 UTC."""
    assert a_finding().at == NOON


@pytest.mark.parametrize(
    ("level", "cause"),
    [
        *((Level.red, c) for c in ("area", "storm", "service")),
        *((Level.yellow, c) for c in ("storm", "service", "offline", "device:d1", "screens", "duty:desk")),
    ],
)
def test_a_technical_case_nobody_takes_keeps_to_one_message_in_ten_minutes_and_never_falls_silent(
    level: Level, cause: str
) -> None:
    """After its ladder (10 min) nobody hears of it more than once in ten minutes on average (domain 4.4), and everybody again."""
    story = Story()
    story.finding("t", code="TE5", cause=cause, level=level, life=False, device=None, pictogram="device")
    story.wait(24 * 3600)
    told = [(t[0], t[1]) for t in story.told()]
    for person in {who for _, who in told}:
        at = sorted(t for t, who in told if who == person)
        for hour in range(24):
            within = {t for t in at if 600 + hour * 3600 < t <= 600 + (hour + 1) * 3600}
            assert len(within) <= 6, (person, hour, sorted(within))
    assert max(t for t, _ in told) > 16 * 3600
