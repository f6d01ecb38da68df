"""Files that leave the house: with a purpose that is kept, without a single case, home or device, and nothing to be reckoned back."""

import re
from datetime import timedelta

import pytest

from care.stream import PEOPLE
from dashboard_api import shapes
from tests.integration.test_api_house import SITE, House, V, smoke
from tests.integration.test_api_protection import HOUR, Hours

MANY = SITE.replace(
    "staff:",
    "".join(
        f"""  - id: h{n}
    micro_grid: {"g05-2" if n < 26 else "g06-1"}
    address: 银杏小区 5 幢 {n}
    residents: [{{id: r{n}, name: 某某}}]
    devices: [{{id: smoke-{n}, kind: smoke, room: kitchen}}, {{id: sos-{n}, kind: sos, room: bedroom}}]
"""
        for n in range(20, 30)
    )
    + "staff:",
    1,
)
WHAT_FOR = {"purpose": "6 月街道例会"}


def table(answer):
    """The head and the rows by kind and name."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    lines = answer.content.decode("utf-8-sig").split("\r\n")
    head = [line for line in lines if line.startswith("#")]
    rows = [line.split(",") for line in lines if line and not line.startswith("#")]
    return head, {(row[0], row[1]): row[2:] for row in rows[1:]}


async def cases(house):
    """Six homes burn, three call for help, one of them from the other grid; on two days."""
    for n in range(20, 26):
        await house.raised(smoke(f"h{n}", device=f"smoke-{n}", resident=f"r{n}", n=n))
    house.clock.advance(timedelta(days=1))
    for n in (20, 21, 28):
        await house.raised(
            smoke(
                f"h{n}",
                at=house.clock.now(),
                device=f"sos-{n}",
                resident=f"r{n}",
                code="SOS1",
                cause="sos",
                n=n,
            )
        )
    house.clock.advance(timedelta(minutes=20))


@pytest.mark.parametrize("path", ["kpis/export", "protection/export"])
async def test_no_purpose_no_file(path):
    """Nothing, a dot or blanks are no purpose: 422 in the words of other reasons, and nothing is kept as taken."""
    async with House(history=Hours()) as house, house.program("operator") as desk:
        for body in ({"purpose": ""}, {"purpose": " . \n"}):
            answer = await desk.post(f"{V}/{path}", json=body)
            assert (answer.status_code, answer.json()["reason"], answer.json()["fields"]) == (
                422,
                "reason_needed",
                ["purpose"],
            )
        assert (await desk.post(f"{V}/{path}", json={})).status_code == 422
        assert await house.stream.keys(PEOPLE, "export.") == []


async def test_who_took_what_when_and_for_what_is_kept_and_stands_in_the_file(capsys):
    """P-16: in the head, in the list of those who may ask, never in the log; a purpose begins no cell of its own."""
    import structlog

    structlog.reset_defaults()
    async with House(history=Hours()) as house:
        async with house.program("operator") as desk:
            body = {"purpose": "周阿婆家,=cmd()\n回访"}
            answer = await desk.post(f"{V}/kpis/export", json=body)
            head, _ = table(answer)
            assert any("周阿婆家，=cmd() 回访" in line for line in head)
            assert not any(line.startswith("=") or ",=" in line for line in head)
            assert any("陈敏芝 s01" in line for line in head)
            assert any("2026-05-23 12:06 Asia/Shanghai" in line for line in head)
            house.clock.advance(timedelta(seconds=1))
            await desk.post(f"{V}/protection/export", json=WHAT_FOR)
            assert (await desk.get(f"{V}/exports")).status_code == 403
        number = re.search(r"export: (\S+)", head[0])[1]
        assert (
            answer.headers["content-disposition"]
            == f'attachment; filename="anxin-figures-2026-04-01-2026-04-30-{number}.csv"'
        )
        async with house.program("auditor") as auditor:
            told = (await auditor.get(f"{V}/exports")).json()
            shapes.ExportList.model_validate(told)
            assert [(i["what"], i["name"], i["purpose"]) for i in told["items"]] == [
                ("protection", "陈敏芝", "6 月街道例会"),
                ("figures", "陈敏芝", "周阿婆家，=cmd() 回访"),
            ]
            assert told["total"] == 2
    assert "export_taken" in (out := capsys.readouterr().out)
    assert "周阿婆" not in out


async def test_fewer_than_five_homes_are_not_told_apart_and_no_total_gives_them_away():
    """Nine cases of seven homes: three calls for help and a day of three are held back, and so is what they could be reckoned from."""
    async with House(site=MANY) as house:
        await cases(house)
        house.clock.advance(timedelta(days=9))
        async with house.program("operator") as desk:
            answer = await desk.post(f"{V}/kpis/export", json=WHAT_FOR)
        _, rows = table(answer)
        assert rows["period", "2026-05-01/2026-05-31"][0] == "9"
        assert rows["figure", "ack60"][:3] == ["9", "0", "0.0"]
        assert ("rule", "SOS1") not in rows
        # Told with the others, who would be three by themselves: the six are with them.
        assert ("rule", "SM1") not in rows
        assert rows["rule", "others"][0] == "9"
        days = [rows[kind, of][0] for kind, of in rows if kind == "day"]
        assert set(days) == {"<5"}, "nine less six is three"
        assert {rows["grid", "g05"][0], rows["grid", "g06"][0]} == {"<5"}
        assert rows["level", "red"][0] == "9"
        assert rows["level", "yellow"][0] == "0"
        for one in ("SM1", "317", "h20", "smoke-20", "银杏", "某某"):
            assert one not in answer.text, "no case by itself"


async def test_a_printed_sheet_tells_no_group_of_fewer_than_five_homes_apart_however_it_is_narrowed():
    """The measure of the file: of the whole month only the rules and days of few are held back, of one grid of one home everything."""
    async with House(site=MANY) as house:
        await cases(house)
        async with house.program("operator") as desk:
            whole = (await desk.get(f"{V}/kpis")).json()
            small = (await desk.get(f"{V}/kpis?grid=g06")).json()
            alone = (await desk.get(f"{V}/kpis?code=SM1&level=red")).json()
        shapes.Kpi.model_validate(whole)
        assert whole["paper"]["least"] == 5
        assert whole["paper"]["figures"] == ["family60"] * (0 < whole["family60"]["n"] < 5)
        # Three homes on the second day, and the six of the first, from which the three could be reckoned.
        assert {"2026-05-23", "2026-05-24"} <= set(whole["paper"]["days"])
        assert whole["paper"]["rules"] == ["SM1", "SOS1"]
        assert small["ack60"]["n"] == 1
        assert {"ack60", "ack180"} <= set(small["paper"]["figures"])
        assert small["paper"]["rules"] == ["SOS1"]
        assert small["paper"]["desks"] == [one["desk"] for one in small["load"]["desks"]] != []
        assert alone["paper"]["rules"] == []
        assert "2026-05-23" not in alone["paper"]["days"], "six homes, and nobody on the other days"


MAY = {"from": "2026-04-30T16:00:00Z", "to": "2026-05-31T16:00:00Z"}


@pytest.mark.parametrize("path", ["kpis/export", "protection/export"])
async def test_no_two_files_are_a_group_of_fewer_than_five_apart(path):
    """P-16: a file is of one whole month that is over and of everybody, so that none is a part of another."""
    async with House(site=MANY, history=Hours()) as house:
        await cases(house)
        house.clock.advance(timedelta(days=9))
        async with house.program("operator") as desk:

            async def asked(**query):
                answer = await desk.post(f"{V}/{path}", json=WHAT_FOR, params=query)
                return answer.json()["fields"] if answer.status_code == 422 else table(answer)[1]

            may = await asked()
            assert ("period", "2026-05-01/2026-05-31") in may
            assert await asked(**MAY) == await asked(**{"from": MAY["from"]}) == may
            for part in (
                {"grid": "g05"},
                {"code": "SM1"},
                {"level": "red"},
                {"home": "h20"},
                {"grid": "g05", **MAY},
            ):
                assert await asked(**part) == [
                    next(k for k in part if k in ("grid", "code", "level", "home"))
                ]
            for other in (
                {"from": "2026-05-22T16:00:00Z", "to": "2026-05-23T16:00:00Z"},  # a day
                {**MAY, "to": "2026-05-30T16:00:00Z"},  # all but the last
                {**MAY, "from": "2026-04-30T17:00:00Z"},  # all but an hour
                {**MAY, "from": "2026-03-31T16:00:00Z"},  # two months
                {"from": "2026-05-31T16:00:00Z"},  # the month that runs
            ):
                assert await asked(**other) == ["from", "to"], other
        assert len(await house.stream.keys(PEOPLE, "export.")) >= 1


class Community(Hours):
    """Twelve homes: six without their smoke detector, one without its belt, nobody judging any of them for an hour."""

    async def protected_causes(self, *, homes, from_day, to_day, limit):
        return [
            ("unknown", "service", 2 * HOUR, 12),
            *[("partly", f"silent:smoke-{n}", 0.5 * HOUR, 1) for n in range(20, 26)],
            ("partly", "battery:belt-0317", 1 * HOUR, 1),
        ]


async def test_hours_are_told_by_reason_and_never_by_device():
    """One belt is one person: it is told with another reason, so that the rest is no difference of two totals."""
    async with House(site=MANY, history=Community()) as house, house.program("mender") as client:
        answer = await client.post(f"{V}/protection/export", json=WHAT_FOR)
        _, rows = table(answer)
        assert rows["period", "2026-04-01/2026-04-30"][-1] == "12"
        assert (
            rows["cause", "service"] == ["", "0", "0", "0", "2.0", "12"]
            or rows["cause", "service"][-1] == "12"
        )
        assert ("cause", "battery") not in rows
        assert rows["cause", "others"][-1] == "7", "the belt with the six detectors"
        for one in ("belt-0317", "smoke-20", "h0317", "银杏"):
            assert one not in answer.text
    async with House(history=Hours()) as house, house.program("operator") as desk:
        _, rows = table(await desk.post(f"{V}/protection/export", json=WHAT_FOR))
        assert all(cell in ("", "<5") for row in rows.values() for cell in row), (
            "two homes are too few for anything"
        )


async def test_a_file_that_cannot_be_kept_is_not_given(monkeypatch):
    """The stream is away: 503 and no file."""
    from care.errors import Temporary

    async with House() as house, house.program("operator") as desk:

        async def away(*_args, **_more):
            raise Temporary("away")

        monkeypatch.setattr(house.stream, "put", away)
        answer = await desk.post(f"{V}/kpis/export", json=WHAT_FOR)
        assert answer.status_code == 503
        assert "csv" not in answer.headers["content-type"]
