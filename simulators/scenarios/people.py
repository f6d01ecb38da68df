"""What becomes of people: in bed, at night, out of the house, with guests."""

from __future__ import annotations

from care.words import Kind
from simulators.resident import OUT
from simulators.scenarios.stage import Stage


def night_fall(s: Stage) -> None:
    """Gets up at night, falls beside the bed and lies there: the bed is empty and nothing moves."""
    who, belt = s.person(), s.belt()
    s.others_sleep(3600)
    s.lives(
        who, 3600,
        (-1200, "bedroom", "sleep", 0), (0, "bedroom", "gets up", 0), (6, "bedroom", "lies on the floor", 0),
        (3000, "bedroom", "is helped up", 60), (3120, "bedroom", "in bed", 0),
    )  # fmt: skip
    s.truth(0, "gets out of bed", "起床离开床", device=belt, who=who)
    if s.at_night:
        s.truth(
            6,
            "falls beside the bed and cannot get up",
            "床边跌倒，无法起身",
            code="BD1",
            within=700,
            also=("FL1",),
            device=belt,
            who=who,
            verdict="real",
        )
    else:
        s.truth(
            6,
            "falls beside the bed by day: no night rule is in force, only a long stillness can tell",
            "白天床边跌倒，夜间规则不在时段",
            device=belt,
            who=who,
            verdict="real",
        )
    s.door(2940, 20)
    s.sees(2950, "living")
    s.sees(3000, "bedroom")
    s.truth(2940, "somebody comes in by the front door to help", "有人开门进屋帮助", who=who, label="visitor")
    s.truth(3000, "is found and helped up", "被发现并扶起", who=who)


def bathroom_fall(s: Stage) -> None:
    """Falls in the bathroom, wears no button, and lies there for over an hour: nothing moves any more."""
    who = s.person()
    s.alone(5400)
    for person in s.life.people:
        if person is not who and s.at_night:
            s.lives(person, 5400, (-1200, "bedroom", "sleep", 0))
        elif person is not who:
            s.lives(person, 5400, (0, OUT, "friends", 0))
    s.lives(
        who, 5400,
        (0, "bathroom", "in the bathroom", 0), (150, "bathroom", "lies on the bathroom floor", 0),
        (4080, "bathroom", "is helped up", 60), (4260, "living", "is helped up", 40),
    )  # fmt: skip
    s.sees(150, "bathroom")
    # A stay in the bathroom is long after 15 minutes at night and after 30 by day, whoever it is (domain.md 3.5 AC2);
    # at night the empty bed may be told before it.
    quick = s.local_hour >= 22 or s.local_hour < 4.5
    s.truth(
        150,
        "falls in the bathroom and cannot get up",
        "在卫生间跌倒，无法起身",
        code="AC2",
        level="yellow",
        within=(15 if quick else 30) * 60 + 60,
        also=("BD1", "FL1"),
        who=who,
        verdict="real",
    )
    s.truth(
        1950,
        "still lies on the bathroom floor, nobody has come",
        "仍躺在卫生间地上，无人前来",
        code="AC2",
        within=30 * 60 + 60,
        also=("BD1", "AC1", "FL1"),
        who=who,
        verdict="real",
    )
    s.door(4020, 20)
    s.sees(4030, "living")
    s.sees(4080, "bathroom")
    s.truth(4020, "somebody comes in by the front door to help", "有人开门进屋帮助", who=who, label="visitor")
    s.truth(4080, "is found and helped up", "被发现并扶起", who=who)


def night_toilet(s: Stage) -> None:
    """Gets up at night, goes to the bathroom and back: nothing ought to come of it."""
    who, belt = s.person(), s.belt()
    s.lives(
        who,
        1500,
        (-1200, "bedroom", "sleep", 0),
        (0, "bathroom", "toilet at night", 45),
        (430, "bedroom", "sleep", 0),
    )
    s.truth(
        0,
        "goes to the bathroom and is back after seven minutes",
        "起夜如厕，七分钟后回床",
        device=belt,
        who=who,
    )


def wandering(s: Stage) -> None:
    """Gets up at night, opens the front door and is gone for 40 minutes."""
    who, belt, door = s.person(), s.belt(), s.sensor(Kind.door)
    s.others_sleep(3000)
    s.lives(who, 3000, (-1200, "bedroom", "sleep", 0), (0, "living", "wanders", 40), (70, OUT, "wanders outside", 0), (2500, "living", "is brought back", 60), (2680, "bedroom", "in bed", 0))  # fmt: skip
    s.truth(0, "gets out of bed", "起床离开床", device=belt, who=who)
    if s.at_night and s.has_dementia(who):
        s.truth(
            79,
            "leaves the flat at night",
            "夜间出门走失",
            code="BD2",
            within=330,
            also=("DR3", "BD1"),
            device=door,
            who=who,
            verdict="real",
        )
    elif s.at_night:
        # Doors are watched at night for those who wander (domain.md 3.7); for others the empty bed tells, later.
        s.truth(
            79,
            "leaves the flat at night; nobody asked to have the door watched",
            "夜间出门（未登记失智，不看门）",
            code="BD1",
            level="yellow",
            within=31 * 60,
            also=("BD2", "DR3"),
            device=belt,
            who=who,
            verdict="real",
        )
    else:
        s.truth(79, "leaves the flat by day: nothing unusual to a sensor", "白天出门", device=door, who=who)
    s.truth(2500, "is brought back", "已接回", who=who)


def not_up(s: Stage) -> None:
    """Does not get up in the morning."""
    who, belt = s.person(), s.belt()
    s.alone(8 * 3600)
    s.lives(who, 8 * 3600, (0, "bedroom", "sleep", 0), (7.5 * 3600, "bedroom", "in bed", 0))
    s.truth(
        0,
        "is too weak to get up",
        "体弱未起床",
        code="BD3",
        level="yellow",
        within=6 * 3600,
        also=("AC3",),
        device=belt,
        who=who,
        verdict="real",
    )


def cardiac(s: Stage) -> None:
    """The heart races in bed: 140 and more for seven minutes."""
    who, belt = s.person(), s.belt()
    s.lives(who, 1500, (-900, "bedroom", "in bed", 0), (1400, "bedroom", "in bed", 0))
    base = {"respiration_rate": 20, "in_bed": True, "movement": 3, "signal_quality": 88}
    s.truth(
        0,
        "the heart races",
        "心跳骤然加快",
        code="VT1",
        within=240,
        also=("VT2",),
        device=belt,
        who=who,
        verdict="real",
    )
    for n, pulse in enumerate((118, 134, 139, 142, 144, 141, 143, 145, 142, 140, 141, 138, 136, 135)):
        s.belt_shows(n * 30, {"heart_rate": pulse, **base})
    for n, pulse in enumerate((124, 112, 98, 86)):
        s.belt_shows(420 + n * 60, {"heart_rate": pulse, **base, "respiration_rate": 17})
    s.belt_shows(660, None)
    s.truth(420, "the pulse calms down", "心率回落", who=who)


def breathing_stops(s: Stage) -> None:
    """Breathing stops for two minutes while the heart is still heard."""
    who, belt = s.person(), s.belt()
    s.lives(who, 1500, (-900, "bedroom", "sleep", 0), (1400, "bedroom", "in bed", 0))
    s.truth(0, "stops breathing", "呼吸停止", code="VT7", within=90, device=belt, who=who, verdict="real")
    s.belt_shows(
        0, {"heart_rate": 58, "respiration_rate": 0, "in_bed": True, "movement": 0, "signal_quality": 84}
    )
    s.belt_shows(
        60, {"heart_rate": 51, "respiration_rate": 0, "in_bed": True, "movement": 0, "signal_quality": 81}
    )
    s.belt_shows(
        120, {"heart_rate": 66, "respiration_rate": 9, "in_bed": True, "movement": 22, "signal_quality": 70}
    )
    s.truth(120, "breathes again", "恢复呼吸", who=who)
    s.belt_shows(180, None)


def belt_slips(s: Stage) -> None:
    """The belt slips: it says "in bed" without pulse or breath while the resident walks about."""
    who, belt = s.person(), s.belt()
    s.lives(
        who,
        2400,
        (-60, "bedroom", "in bed", 0),
        (0, "living", "sitting", 40),
        (900, "kitchen", "tea", 50),
        (1200, "living", "sitting", 40),
    )
    s.truth(
        0,
        "gets up; the belt has slipped and still says in bed",
        "床带移位，人已离床",
        code="BD7",
        level="blue",
        within=1300,
        also=("VT7",),
        device=belt,
        who=who,
        verdict="unavoidable",
    )
    s.belt_shows(
        0, {"heart_rate": 0, "respiration_rate": 0, "in_bed": True, "movement": 0, "signal_quality": 12}
    )
    s.belt_shows(2100, None)
    s.truth(2100, "the belt is put right", "床带复位", device=belt)


def away(s: Stage) -> None:
    """Everybody goes to the daughter's for six hours: nothing ought to come of it."""
    s.alone(6 * 3600)
    for person in s.life.people:
        s.lives(person, 6 * 3600, (0, "living", "puts on shoes", 60), (120, OUT, "at the daughter's", 0))
    s.truth(120, "goes out for six hours", "外出六小时", who=s.person())


def guests(s: Stage) -> None:
    """The children come for two hours: much movement, the door a few times; nothing ought to come of it."""
    who = s.person()
    s.lives(
        who,
        7200,
        (0, "living", "has guests", 120),
        (2400, "kitchen", "cooking", 120),
        (4500, "living", "has guests", 120),
    )
    for seconds in (0, 1500, 7100):
        s.door(seconds, 25)
    for n in range(40):
        s.sees(30 + n * 170, ("living", "kitchen")[n % 2])
    s.truth(0, "guests come for two hours", "子女来访两小时", who=who, label="visitor")
