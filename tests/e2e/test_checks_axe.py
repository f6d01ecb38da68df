"""C-A11Y-2: that letters which axe cannot judge are judged: pale ones are named, legible ones are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.axe import axe
from tests.e2e.conftest import open_screen

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

SHEET = """<!doctype html><html lang="zh-CN"><title>字</title><style>
  body {{ font: 18px sans-serif; background: #fff; color: #000; margin: 20px }}
  p {{ padding: 6px; margin: 0 0 10px }}
  .hatch {{ background: repeating-linear-gradient(135deg, #c3ced7 0 18px, #b4c0ca 18px 36px) }}
  .far {{ margin-top: 1500px }}
</style><main><h1>字</h1>{}</main></html>"""


@pytest.mark.parametrize(
    ("body", "pale"),
    [
        pytest.param('<p class="hatch" style="color: #10151a">数据延迟</p>', False, id="on a hatch"),
        pytest.param('<p class="hatch" style="color: #777">数据延迟</p>', True, id="pale on a hatch"),
        # 4.6 to 1 on the light stripe, 4.0 on the dark one
        pytest.param('<p class="hatch" style="color: #585858">数据延迟</p>', True, id="pale on one stripe of a hatch"),
        pytest.param('<p class="hatch" style="color: #666; font-size: 30px">数据延迟</p>', False, id="large: 3 to 1 will do"),
        pytest.param('<p class="hatch" style="background: linear-gradient(#fff, #fff); color: #fff">数据延迟</p>', True, id="not there at all"),
        pytest.param('<p style="filter: brightness(4); color: #444">数据延迟</p>', True, id="a filter that axe does not see"),
        pytest.param('<p style="filter: brightness(1.2); color: #444">数据延迟</p>', False, id="a filter that takes little"),
        pytest.param('<svg width="200" height="60" role="img" aria-label="图"><rect width="200" height="60" fill="#e5343a"/><text x="20" y="38" font-size="20" fill="#ffb3b6">06</text></svg>', True, id="on a drawing"),
        pytest.param('<svg width="200" height="60" role="img" aria-label="图"><rect width="200" height="60" fill="#e5343a"/><text x="20" y="38" font-size="20" fill="#ffb3b6" stroke="#231a1f" stroke-width="4" paint-order="stroke">06</text></svg>', False, id="on a drawing, with an edge"),
        pytest.param('<p class="hatch far" style="color: #777">数据延迟</p>', True, id="out of sight until one scrolls"),
    ],
)  # fmt: skip
def test_c_a11y_2_pale_letters_are_found_where_axe_cannot_tell(
    browser: Browser, body: str, pale: bool
) -> None:
    """On a hatch, on a drawing, below a filter, further down: by what is painted; and the page is afterwards as it was."""
    context = open_screen(browser, 800, 600)
    try:
        page = context.new_page()
        page.set_content(SHEET.format(body))
        before = page.content()
        found = axe(page)
        assert [one.startswith("pale") for one in found] == ([True] if pale else []), found
        assert page.content().replace(' style=""', "") == before
        assert page.evaluate("[scrollY, document.adoptedStyleSheets.length]") == [0, 0]
    finally:
        context.close()


@pytest.mark.parametrize(("face", "faults"), [("‹", 0), ("下一步", 1)])
def test_what_axe_cannot_tell_is_a_fault_unless_there_is_a_reason(
    browser: Browser, face: str, faults: int
) -> None:
    """A sign may have a name in words; words that are not the name may not."""
    context = open_screen(browser, 800, 600)
    try:
        page = context.new_page()
        page.set_content(SHEET.format(f'<button type="button" aria-label="上一周">{face}</button>'))
        assert len(axe(page)) == faults
    finally:
        context.close()
