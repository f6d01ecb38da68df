"""Routes of door cards: a home's code, a new one, a sheet to print; and the check of a code that comes with an arrival.

The code is reckoned (`alerts.doorcards`) from the installation's secret and the version of the home's card, which lies
under `door_card.HOME` in the people bucket; where nothing lies it is the first. The sheet is a page of its own, without a
script: what hangs on a door names the flat and nobody in it.
"""

from __future__ import annotations

import html
from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Query
from starlette.responses import HTMLResponse
from structlog import get_logger

from alerts import doorcards
from alerts.alert import Alert
from alerts.commands import link_secret
from care.errors import Conflict
from care.site import Home
from care.stream import PEOPLE
from dashboard_api import access, shapes
from dashboard_api.asking import signed_in
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json

log = get_logger("api")

V = access.V
PRINTED_AT_MOST = 400
"""Cards of one sheet: a grid has some 120 homes."""
RENEW_TRIES = 3


class Cards:
    """The door cards of one house."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._tries = doorcards.Tries()

    async def version(self, home: str) -> tuple[int, int]:
        """Which card of a home counts, from 1, and the revision under which that is kept (0: nothing is)."""
        entry = await self._house.stream.get(PEOPLE, f"door_card.{home}")
        if entry is None:
            return 1, 0
        return int(entry.data or b"1"), entry.revision

    async def card(self, home: str) -> Json:
        """A home's card as it is now."""
        version, _ = await self.version(home)
        code = doorcards.code(home, version, await link_secret(self._house.stream))
        return {
            "home": home,
            "code": code,
            "version": version,
            "link": f"{self._house.public_url.rstrip('/')}/go?door={code}",
        }

    async def check(self, case: Alert, told: str, who: Who) -> None:
        """That this code is on the card of a home that the case covers; 422 `wrong_code` when not, 409 `too_many_attempts`
        after five wrong ones for the case.

        A case of many homes has many doors, and whoever comes stands at one of them. No 429, which a phone would try
        again and again: the arrival is told without a code.
        """
        now, home = self._house.clock.now(), case.home
        known = self._house.picture.registry.homes
        doors = [one for one in dict.fromkeys((home, *case.welfare)) if one in known]
        if self._tries.many(who.by, home, now):
            raise Problem(
                409, Why.too_many_attempts, "门卡编码错的次数太多，请直接按「到了」", fields=["code"]
            )
        # Each of them is compared: how long it takes tells nothing.
        if not any([doorcards.same(told, (await self.card(one))["code"]) for one in doors]):
            self._tries.wrong(who.by, home, now)
            log.info("door_card_wrong", by=who.by, role=who.role.value, home=home)
            raise Problem(
                422, Why.wrong_code, "门卡编码不对，请再核对；也可以直接按「到了」", fields=["code"]
            )


def routes(house: House, cards: Cards) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    def home_of(name: str) -> Home:
        home = house.picture.registry.homes.get(name)
        if home is None:
            raise Problem(404, Why.unknown_home, "没有这户人家")
        return home

    @router.get(f"{V}/homes/{{home}}/card", response_model=shapes.DoorCard, tags=["homes"])
    async def card(home: str, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """The code on a home's door card, by which whoever comes proves that they were there. It opens no door."""
        found = await cards.card(home_of(home).id)
        log.info("door_card_read", by=who.by, role=who.role.value, home=home)
        return found

    @router.post(f"{V}/homes/{{home}}/card/renew", response_model=shapes.DoorCard, tags=["homes"])
    async def renew(home: str, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """A new code for a home; the card that hangs there is worthless from now on and has to be printed anew."""
        place = home_of(home)
        for attempt in range(RENEW_TRIES):
            version, revision = await cards.version(place.id)
            try:
                await house.stream.put(
                    PEOPLE, f"door_card.{place.id}", str(version + 1).encode(), expect=revision
                )
                break
            except Conflict:
                if attempt == RENEW_TRIES - 1:
                    raise Problem(409, Why.version_conflict, "别人刚换过这户的门卡，请再看一眼") from None
        log.info("door_card_renewed", by=who.by, role=who.role.value, home=home)
        return await cards.card(place.id)

    @router.get(f"{V}/door-cards", response_class=HTMLResponse, tags=["homes"])
    async def sheet(
        who: Annotated[Who, Depends(signed_in)],
        home: Annotated[str | None, Query(max_length=64)] = None,
        grid: Annotated[
            str | None, Query(max_length=64, description="of a grid or a micro-grid, its id")
        ] = None,
    ) -> HTMLResponse:
        """Door cards to print, ten to a page of A4: of one home, of a grid, or of all when these are at most 400."""
        registry = house.picture.registry
        homes = [home_of(home)] if home is not None else list(registry.site.homes)
        if home is None and grid is not None:
            homes = [
                h for h in homes if (g := registry.grid_of(h)) is not None and grid in (g[0].id, g[1].id)
            ]
        if len(homes) > PRINTED_AT_MOST:
            raise Problem(
                422, Why.invalid, f"一次最多打印 {PRINTED_AT_MOST} 张，请按网格打印", fields=["grid"]
            )
        printed = [_card(h, await cards.card(h.id), house) for h in homes]
        log.info("door_cards_printed", by=who.by, role=who.role.value, cards=len(printed))
        return HTMLResponse(
            '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><meta name="robots" content="noindex">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>门卡</title><style>{_STYLE}</style></head>'
            f"<body><header><h1>共 {len(printed)} 张门卡：用浏览器打印（Ctrl+P），沿虚线剪开，挂在各户门口</h1></header>"
            f"<main>{''.join(printed)}</main></body></html>",
            headers={"Content-Security-Policy": _CSP, "Cache-Control": "no-store"},
        )

    return router


def _card(home: Home, card: Json, house: House) -> str:
    """One card: where it hangs, its code twice (to read and to scan), and what it is good for."""
    community = house.picture.registry.site.community
    code = f"{card['code'][:3]} {card['code'][3:]}"
    mark = "【模拟】" if home.simulated else ""
    phone = f"<p>值班电话 {html.escape(community.phone)}</p>" if community.phone else ""
    drawn = segno.make(card["link"], error="m", micro=False).svg_inline(omitsize=True, border=2)
    version = f"<small>第 {card['version']} 版</small>" if card["version"] > 1 else ""
    return (
        f'<section data-card="{html.escape(home.id)}">{drawn}<div><h2>{mark}安心门卡{version}</h2>'
        f"<p>{html.escape(community.name)} {html.escape(home.address or home.id)}</p><b>{code}</b>"
        f"<p>上门人员请扫码或输入编码，确认已到门口。此编码不能开门。</p>{phone}</div></section>"
    )


_STYLE = (
    "@page{size:A4;margin:12mm}*{box-sizing:border-box;margin:0}"
    "body{font:3.4mm/1.4 'Noto Sans SC','PingFang SC','Microsoft YaHei',sans-serif;color:#000;background:#fff}"
    "h1{padding:12px;font-size:16px}main{display:grid;grid-template-columns:repeat(2,92mm)}"
    "section{display:flex;gap:2mm;align-items:center;width:92mm;height:54mm;padding:3mm;border:.2mm dashed #777;"
    "break-inside:avoid;overflow:hidden}svg{flex:none;width:36mm;height:36mm}div{min-width:0;overflow-wrap:anywhere}"
    "h2{font-size:4.4mm}small{margin-left:2mm;font-weight:400;font-size:3mm}b{display:block;font:700 9mm/1.3 monospace}"
    "@media print{h1{display:none}}"
)
_CSP = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Of a page that is nothing but paper: its own style and no script."""
