"""Changes of the rota while the service runs: who is there then, what makes no sense, and what it would leave empty."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from alerts import rota
from alerts.ladder import people, plan_for
from alerts.roster import DESK, SUPERVISORS, roster_of
from alerts.subscriptions import Subscription, remember
from alerts.worker import Worker
from care.clock import ManualClock
from care.site import Away, Besides, Registry, RotaChange
from care.stream import MemoryStream
from care.words import Level
from tests.unit.test_alert_house import NOON, a_finding, registry, seconds
from tests.unit.test_alert_worker import pages, say

PAIRS = """
community: {id: c, name: c, timezone: Asia/Shanghai}
grids: [{id: g, name: g, micro_grids: [{id: m1, name: 一, location: [29.95, 121.71]}, {id: m2, name: 二}]}]
homes:
  - {id: h1, micro_grid: m1, address: 一幢, location: [29.9501, 121.71], floor: 3}
  - {id: h2, micro_grid: m2, address: 二幢, location: [29.97, 121.71]}
staff:
  - {id: op, name: 甲, role: operator}
  - {id: op2, name: 乙, role: operator}
  - {id: sw, name: 丙, role: social_worker, micro_grids: [m1]}
  - {id: vo, name: 丁, role: volunteer, micro_grids: [m1]}
  - {id: nb, name: 戊, role: neighbour, micro_grids: [m2], location: [29.9701, 121.71]}
  - {id: dr, name: 己, role: doctor}
shifts:
  - {staff: op, days: daily, from: "07:00", to: "19:00"}
  - {staff: op2, days: daily, from: "19:00", to: "07:00"}
  - {staff: sw, days: daily, from: "07:00", to: "19:00"}
  - {staff: vo, days: daily, from: "19:00", to: "07:00"}
"""
"""One at the desk and one in m1 at any time; a neighbour who is always there in m2."""

SHANGHAI = registry(PAIRS).zone


def at(local: str) -> datetime:
    """A minute of 23 May or another day, on the community's clock."""
    text = local if "T" in local else f"2026-05-23T{local}"
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


NOW = at("12:00")


def away(staff: str, start: str, end: str, cover: str | None = None) -> Away:
    return Away(staff=staff, from_=at(start), until=at(end), cover=cover)


def besides(staff: str, start: str, end: str) -> Besides:
    return Besides(staff=staff, from_=at(start), until=at(end))


def change(*parts: Away | Besides, now: datetime = NOW) -> RotaChange:
    """Said by the operator."""
    return rota.change_of(
        [p for p in parts if isinstance(p, Away)],
        [p for p in parts if isinstance(p, Besides)],
        reason="发烧",
        by="op",
        now=now,
    )


def there(people: Registry, local: str) -> list[str]:
    return [s.id for s in roster_of(people).on_duty(at(local)) if s.id in ("op", "op2", "sw", "vo")]


def test_who_is_away_is_stood_in_for_to_the_second_and_others_are_as_before() -> None:
    """vo does the social worker's afternoon; at its end the rota is itself again."""
    people = registry(PAIRS).with_rota([change(away("sw", "13:00", "17:30", "vo"))])
    assert there(people, "12:59:59") == ["op", "sw"]
    assert there(people, "13:00") == ["op", "vo"]
    assert there(people, "17:29:59") == ["op", "vo"]
    assert there(people, "17:30") == ["op", "sw"]
    assert [s.id for s in roster_of(people).responders("m1", at("14:00"))] == ["vo"]


def test_a_swap_is_two_that_stand_in_for_each_other() -> None:
    """op and op2 change places for a day; nobody is there twice and nobody is missing."""
    swap = change(away("op", "2026-05-24T07:00", "2026-05-24T19:00", "op2"), away("op2", "2026-05-24T19:00", "2026-05-25T07:00", "op"))  # fmt: skip
    people = registry(PAIRS)
    assert rota.refusal(people, swap, NOW) == ""
    swapped = people.with_rota([swap])
    assert not rota.opened(people, swapped, swap.starts, swap.ends, NOW)
    assert rota.doubled(people, swapped, swap, NOW) == []
    for local, who in (("24T06:59", "op2"), ("24T07:00", "op2"), ("24T18:59", "op2"), ("24T19:00", "op"), ("25T06:59", "op"), ("25T07:00", "op")):  # fmt: skip
        assert [s for s in there(swapped, f"2026-05-{local}") if s.startswith("op")] == [who], local


def test_a_swap_after_which_somebody_works_two_shifts_at_once_is_asked_about() -> None:
    """op takes a night in which they come in besides; who only stands in is not asked about again."""
    people = registry(PAIRS).with_rota([change(besides("op", "2026-05-24T20:00", "2026-05-24T22:00"))])
    swap = change(away("op", "2026-05-24T07:00", "2026-05-24T19:00", "op2"), away("op2", "2026-05-24T19:00", "2026-05-25T07:00", "op"))  # fmt: skip
    after = people.with_rota([*people.rota, swap])
    assert [(d.staff, d.start, d.end) for d in rota.doubled(people, after, swap, NOW)] == [
        ("op", at("2026-05-24T20:00"), at("2026-05-24T22:00"))
    ]
    stands_in = change(away("op2", "2026-05-24T19:00", "2026-05-25T07:00", "op"))
    assert rota.doubled(people, people.with_rota([*people.rota, stands_in]), stands_in, NOW) == []


def test_whoever_comes_in_besides_is_there_then_and_where_they_belong() -> None:
    """The volunteer of the night comes at 14:00; both answer for m1 until 16:00."""
    people = registry(PAIRS).with_rota([change(besides("vo", "14:00", "16:00"))])
    assert there(people, "13:59") == ["op", "sw"]
    assert there(people, "14:00") == ["op", "sw", "vo"]
    assert [s.id for s in roster_of(people).responders("m1", at("15:59"))] == ["sw", "vo"]
    assert there(people, "16:00") == ["op", "sw"]
    # Their own night is as long as ever.
    assert there(people, "18:59") == ["op", "sw"]
    assert there(people, "19:00") == ["op2", "vo"]


def test_the_ladder_reaches_who_stands_in() -> None:
    """The first step of a red case calls who is there instead, at the desk as in the micro-grid."""
    here = registry(PAIRS).with_rota([change(away("op", "12:00", "19:00", "op2"), away("sw", "12:00", "19:00", "vo"))])  # fmt: skip
    first = plan_for(Level.red, here.site.policy).rungs[0]
    found = people(first.groups, micro_grid="m1", roster=roster_of(here), now=at("12:30"))
    assert {s.id for s in found} == {"op2", "vo"}


def test_withdrawn_in_the_middle_it_was_in_force_until_then() -> None:
    """Who was on duty at 13:00 stays true, whoever asks afterwards."""
    said = change(away("sw", "12:00", "19:00"))
    back = RotaChange(
        id=said.id, away=said.away, reason=said.reason, by=said.by, set_at=said.set_at,
        withdrawn_by="op", withdrawn_at=at("15:00"),
    )  # fmt: skip
    people = registry(PAIRS).with_rota([back])
    assert there(people, "13:00") == ["op"]
    assert there(people, "15:00") == ["op", "sw"]
    early = RotaChange(
        id=said.id, away=(away("sw", "16:00", "19:00"),), reason="x", by="op", set_at=NOW,
        withdrawn_by="op", withdrawn_at=at("15:00"),
    )  # fmt: skip
    assert there(registry(PAIRS).with_rota([early]), "17:00") == ["op", "sw"]


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ([], "没有写明"),
        ([away("nobody", "13:00", "14:00")], "没有「nobody」"),
        ([away("dr", "13:00", "14:00")], "没有「dr」"),
        ([away("sw", "14:00", "14:00")], "须在开始之后"),
        ([away("sw", "08:00", "11:00")], "已经过去"),
        ([away("sw", "20:00", "22:00")], "本来就没有班"),
        ([away("sw", "13:00", "2026-09-23T13:00")], "最长 90 天"),
        ([away("sw", "13:00", "14:00", "sw")], "另一个人"),
        ([away("sw", "13:00", "14:00", "dr")], "没有「dr」"),
        ([away("sw", "13:00", "14:00", "op"), away("op", "13:30", "15:00")], "不能顶班"),
        ([besides("vo", "13:00", "2026-05-24T14:00")], "24 小时"),
        ([besides("nb", "13:00", "14:00")], "按随时在岗算"),
        ([besides("sw", "13:00", "14:00")], "本来就在岗"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(parts: Sequence[Away | Besides], says: str) -> None:
    said = rota.refusal(registry(PAIRS), change(*parts), NOW)
    assert says in said
    assert "\n" not in said


def test_who_is_away_already_neither_stands_in_nor_comes_in_besides() -> None:
    """By an earlier change as by the site file."""
    people = registry(PAIRS).with_rota([change(away("vo", "13:00", "2026-05-24T07:00"))])
    assert "不能顶班" in rota.refusal(people, change(away("sw", "14:00", "15:00", "vo")), NOW)
    assert "请先撤销" in rota.refusal(people, change(besides("vo", "14:00", "15:00")), NOW)
    assert "本来就没有班" in rota.refusal(people, change(away("vo", "19:30", "20:00")), NOW)


def test_the_last_of_a_micro_grid_leaves_a_hole_that_names_its_homes_and_hours() -> None:
    """Only what is new: a hole that is there already is nobody's fault."""
    here = registry(PAIRS)
    gone = change(away("sw", "13:00", "2026-05-24T12:00"))
    found = rota.opened(here, here.with_rota([gone]), gone.starts, gone.ends, NOW)
    assert [(g.place, g.start, g.end) for g in found.gaps] == [
        ("m1", at("13:00"), at("19:00")),
        ("m1", at("2026-05-24T07:00"), at("2026-05-24T12:00")),
    ]
    assert [(h.start, h.end, h.homes) for h in found.holes] == [
        (at("13:00"), at("19:00"), ("h1",)),
        (at("2026-05-24T07:00"), at("2026-05-24T12:00"), ("h1",)),
    ]
    already = here.with_rota([change(away("sw", "12:30", "14:00"))])
    more = rota.opened(already, already.with_rota([*already.rota, gone]), gone.starts, gone.ends, NOW)
    assert [(g.start, g.end) for g in more.gaps] == [
        (at("14:00"), at("19:00")),
        (at("2026-05-24T07:00"), at("2026-05-24T12:00")),
    ]
    covered = change(away("sw", "13:00", "19:00", "vo"))
    assert not rota.opened(here, here.with_rota([covered]), covered.starts, covered.ends, NOW)
    desk = change(away("op", "13:00", "14:00"))
    assert [g.place for g in rota.opened(here, here.with_rota([desk]), desk.starts, desk.ends, NOW).gaps] == [
        DESK
    ]


def test_who_is_away_is_not_on_the_ladder_though_nobody_of_the_role_is_on_duty() -> None:
    """The one asleep is told, not the one who is away; with both away the step is empty, which saving it asks about."""
    both = """  - {id: su, name: 庚, role: supervisor}
  - {id: su2, name: 辛, role: supervisor}
  - {id: ma, name: 壬, role: admin}
  - {id: ma2, name: 癸, role: admin}
"""
    here = registry(
        PAIRS.replace("shifts:\n", f"""{both}shifts:
  - {{staff: su, days: daily, from: "07:00", to: "19:00"}}
  - {{staff: su2, days: daily, from: "20:00", to: "07:00"}}
""")
    )  # fmt: skip

    def told(registry: Registry, *groups: str) -> list[str]:
        return [s.id for s in people(groups, micro_grid="m1", roster=roster_of(registry), now=at("14:00"))]

    assert told(here, "supervisors") == ["su"]
    gone = change(away("su", "13:00", "15:00"))
    after = here.with_rota([gone])
    assert told(after, "supervisors") == ["su2"]
    found = rota.opened(here, after, gone.starts, gone.ends, NOW)
    assert [(g.place, g.start, g.end) for g in found.gaps] == [(SUPERVISORS, at("13:00"), at("15:00"))]
    stood_in = change(away("su", "13:00", "15:00", "op2"))
    assert not rota.opened(here, here.with_rota([stood_in]), stood_in.starts, stood_in.ends, NOW)
    none = here.with_rota([gone, change(away("su2", "13:00", "2026-05-24T05:00"))])
    assert told(none, "supervisors") == []
    some = here.with_rota([change(away("ma", "13:00", "15:00"), away("op2", "13:00", "2026-05-24T05:00"))])
    assert told(some, "managers", "operators") == ["ma2", "op"]


def test_withdrawing_who_came_in_instead_opens_the_hole_again() -> None:
    """First the social worker is away and the volunteer comes in besides; then the volunteer cannot."""
    here = registry(PAIRS)
    gone, comes = change(away("sw", "13:00", "19:00")), change(besides("vo", "13:00", "19:00"))
    both = here.with_rota([gone, comes])
    assert not rota.opened(here, both, comes.starts, comes.ends, NOW)
    found = rota.opened(both, here.with_rota([gone]), comes.starts, comes.ends, NOW)
    assert [h.homes for h in found.holes] == [("h1",)]


async def test_the_same_said_twice_is_one_and_after_a_withdrawal_it_is_another() -> None:
    """Nothing is deleted: three records when it was said, withdrawn, said again and withdrawn."""
    stream = MemoryStream()
    parts = [away("sw", "13:00", "19:00")]
    one = await rota.remember(stream, parts, [], reason="发烧", by="op", now=NOW)
    same = await rota.remember(stream, parts, [], reason="发烧", by="op", now=NOW + seconds(5))
    assert same == one
    gone = await rota.withdraw(stream, one.id, by="op2", now=NOW + seconds(60))
    assert gone is not None
    assert (gone.withdrawn_by, gone.counts) == ("op2", False)
    later = await rota.withdraw(stream, one.id, by="op", now=NOW + seconds(90))
    assert later == gone
    again = await rota.remember(stream, parts, [], reason="发烧", by="op", now=NOW + seconds(120))
    assert again.id != one.id
    assert again.counts
    async for known in rota.rotas(stream):
        assert {c.id: c.counts for c in known.values()} == {one.id: False, again.id: True}
        break
    assert await rota.withdraw(stream, "rota-unknown", by="op", now=NOW) is None


async def test_a_worker_that_begins_with_overdue_timers_knows_who_stands_in_and_their_browsers() -> None:
    """The step of 30 s is late after a restart; it must not go to who called in sick, nor past a browser."""
    stream, clock = MemoryStream(), ManualClock(NOON)
    worker = Worker(stream, clock, registry())
    await worker.start()
    await worker.hear(say(stream, a_finding()))
    assert {p.person for p in pages(stream)} == {"s01", "s07"}
    hour = timedelta(hours=1)
    # At noon the supervisor goes home ill and the volunteer answers instead; then everything dies.
    sick = Away(staff="s03", from_=NOON, until=NOON + 8 * hour, cover="s08")
    await rota.remember(stream, [sick], [], reason="发烧", by="s03", now=NOON)
    browser = Subscription(
        person="s08", endpoint="https://fcm.googleapis.com/fcm/send/x", p256dh="x" * 20, auth="y" * 20, created_at=NOON
    )  # fmt: skip
    await remember(stream, browser)
    clock.advance(seconds(70))
    later = Worker(stream, clock, registry())
    await later.start()
    await later.look()
    told = {(p.person, p.channel) for p in pages(stream)}
    assert ("s08", "json") in told
    assert ("s08", "webpush") in told
    assert "s03" not in {person for person, _ in told}
