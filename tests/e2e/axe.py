"""What axe-core finds on a page, and what it leaves open: start at `axe`.

Where letters stand on a drawing, on a hatch or below something else, axe says "incomplete" and judges nothing. Here
those letters are looked at: painted fat and painted not at all, what differs is theirs, and what stands there without
them is their ground.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tests.e2e.conftest import ROOT

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from playwright.sync_api import Page

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

LEFT_OPEN = {
    # A key whose face is a sign (‹ ›) has a name in words: nothing stands on it that somebody could say instead.
    "label-content-name-mismatch": lambda words: re.search(r"\w", words) is None,
}
"""Where axe's "cannot tell" is no fault: the rule, and of which words in its place."""

CONTRAST, CONTRAST_LARGE = 4.5, 3.0
"""WCAG 1.4.3: letters, and large letters (24 px, bold 18.66 px)."""
ROUNDING = 0.05  # of a colour that is a whole number in each channel

RUN_AXE = """async (tags) => {
  const options = { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations', 'incomplete'], elementRef: true, preload: { assets: ['media'] } }
  const { testEngine, violations, incomplete } = await axe.run(document, options)
  if (testEngine.name !== 'axe-core') return { faults: ['this is not axe'], open: [], letters: 0 }
  const of = (one) => one.id === 'color-contrast'
  // A filter changes what axe computes: what stands below one is looked at too.
  const dimmed = [...document.querySelectorAll('body *')].filter((one) => getComputedStyle(one).filter !== 'none').flatMap((one) => [one, ...one.querySelectorAll('*')])
  const written = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()) && one.checkVisibility({ visibilityProperty: true }) && !one.closest('.sr')
  window.axeLetters = [...new Set([...incomplete.filter(of).flatMap((one) => one.nodes).map((node) => node.element), ...dimmed.filter(written)])]
  return {
    faults: violations.map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 160)}`),
    open: incomplete.filter((one) => !of(one)).flatMap((one) => one.nodes.map((node) => [one.id, node.html.slice(0, 160), node.element.textContent.trim()])),
    letters: window.axeLetters.length,
  }
}"""

PLACES = """() => axeLetters.map((one) => {
  const style = getComputedStyle(one)
  const letters = document.createRange()
  const own = [...one.childNodes].filter((node) => node.nodeType === 3 && node.textContent.trim()).flatMap((node) => (letters.selectNode(node), [...letters.getClientRects()]))
  const boxes = own.length > 0 ? own : [one.getBoundingClientRect()]
  const matrix = one.namespaceURI.endsWith('svg') ? one.getScreenCTM() : null
  const px = parseFloat(style.fontSize) * (matrix === null ? Math.min(1, one.offsetHeight > 0 ? one.getBoundingClientRect().height / one.offsetHeight : 1) : Math.hypot(matrix.a, matrix.b))
  const related = (top) => top !== null && (top === one || top.contains(one) || one.contains(top))
  const points = boxes.flatMap((box) => [0.2, 0.5, 0.8].map((part) => [box.left + part * box.width, box.top + box.height / 2]))
  return {
    name: `${one.className.baseVal ?? one.className} ${(one.textContent || one.value || '').trim().slice(0, 30)}`,
    gone: !one.isConnected || !one.checkVisibility({ visibilityProperty: true, opacityProperty: true }),
    covered: !points.some(([x, y]) => related(document.elementFromPoint(x, y))),
    large: px >= 24 || (px >= 18.66 && Number(style.fontWeight) >= 700),
    boxes: boxes.map((box) => [box.left, box.top, box.right, box.bottom]),
    width: innerWidth,
  }
})"""
"""Where the letters are that axe could not judge, in CSS pixels of the window."""

PAINT = """async (way) => {
  window.axeSheet ??= new CSSStyleSheet()
  for (const [one, style] of window.axeDrawn ?? []) style === null ? one.removeAttribute('style') : one.setAttribute('style', style)
  const drawn = axeLetters.filter((one) => one.namespaceURI.endsWith('svg')).map((one) => [one, getComputedStyle(one).fill, getComputedStyle(one).stroke])
  window.axeDrawn = drawn.map(([one]) => [one, one.getAttribute('style')])
  const still = '*, *::before, *::after { animation: none !important; transition: none !important; caret-color: transparent !important }'
  if (way === 'fat') axeSheet.replaceSync(still + '* { -webkit-text-stroke: 2px currentcolor !important }')
  else axeSheet.replaceSync(still + '* { -webkit-text-fill-color: transparent !important; -webkit-text-stroke-color: transparent !important } svg text, svg tspan { fill: transparent !important }')
  for (const [one, fill, edge] of drawn) {
    // Letters of a drawing may have an edge of their own, which then is their ground.
    if (way === 'fat') one.style.setProperty('stroke', fill, 'important')
    if (way === 'fat' && edge === 'none') one.style.setProperty('stroke-width', '2px', 'important')
    if (way === 'none' && edge !== 'none') one.style.setProperty('fill', edge, 'important')
  }
  document.adoptedStyleSheets = [...document.adoptedStyleSheets.filter((one) => one !== axeSheet), ...(way === 'as it is' ? [] : [axeSheet])]
  await new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))
}"""
"""Letters twice as thick, so that some pixels are theirs alone; none; or as they are. Nothing moves, nothing else changes."""

SCROLL = """(n) => {
  window.axeScrolled ??= new Map()
  for (let up = axeLetters[n]; up !== null; up = up.parentElement) if (!axeScrolled.has(up)) axeScrolled.set(up, [up.scrollLeft, up.scrollTop])
  axeLetters[n].scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' })
}"""

SCROLL_BACK = """() => {
  for (const [one, [left, top]] of window.axeScrolled ?? []) one.scrollTo({ left, top, behavior: 'instant' })
  delete window.axeScrolled
}"""


def axe(page: Page) -> list[str]:
    """What axe-core finds, and what it leaves open without a reason to: rule, and the place.

    It is put into a page once, and told not to fetch the style sheets again, which none of these rules reads.
    """
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(RUN_AXE, TAGS)
    faults: list[str] = found["faults"]
    if left_open(found):
        # What axe cannot tell about a page that changes under it, it can a moment later.
        found = page.evaluate(RUN_AXE, TAGS)
        faults = found["faults"] + left_open(found)
    if found["letters"] > 0 and (pale := pale_letters(page)):
        # Something may have changed between two looks: what is a fault is one the next time too.
        again = pale_letters(page)
        faults += [pale[n] for n in pale if n in again]
    return faults


def never(_words: str) -> bool:
    return False


def left_open(found: dict[str, Any]) -> list[str]:
    """The rules axe could not judge, without those that may be left open."""
    return [
        f"left open, {rule}: {html}"
        for rule, html, words in found["open"]
        if not LEFT_OPEN.get(rule, never)(words)
    ]


def pale_letters(page: Page) -> dict[int, str]:
    """Of the letters that axe could not judge those that cannot be read on what is painted behind them."""
    pale: dict[int, str] = {}

    def look() -> NDArray[np.float64]:
        with Image.open(io.BytesIO(page.screenshot(caret="initial"))) as image:
            return np.asarray(image.convert("RGB"), dtype=np.float64)

    try:
        left = list(range(page.evaluate("axeLetters.length")))
        scrolled: int | None = None
        while left:
            page.evaluate(PAINT, "fat")
            fat = look()
            page.evaluate(PAINT, "none")
            bare = look()
            places = page.evaluate(PLACES)
            still: list[int] = []
            for n in left:
                place = places[n]
                ratio = contrast(fat, bare, place)
                wanted = CONTRAST_LARGE if place["large"] else CONTRAST
                if ratio is not None:
                    if ratio < wanted - ROUNDING:
                        pale[n] = f"pale, {ratio:.2f} to 1: {place['name']}"
                elif n == scrolled and not (place["gone"] or place["covered"]):
                    pale[n] = f"pale, not to be told from its ground: {place['name']}"
                elif n != scrolled and not place["gone"]:
                    still.append(n)
            left = still
            if left:
                scrolled = left[0]
                page.evaluate(SCROLL, scrolled)
    finally:
        page.evaluate(PAINT, "as it is")
        page.evaluate(SCROLL_BACK)
    return pale


def contrast(fat: NDArray[np.float64], bare: NDArray[np.float64], place: dict[str, Any]) -> float | None:
    """The contrast of letters to the worst ground under them, 1 to 21; None where none of them is in sight.

    fat, bare: the window with its letters thick and without them, height × width × 3, each channel 0 to 255.
    """
    scale = fat.shape[1] / place["width"]
    letters: list[NDArray[np.float64]] = []
    grounds: list[NDArray[np.float64]] = []
    for box in place["boxes"]:
        x0, y0, x1, y1 = (round(max(edge, 0) * scale) for edge in box)
        over, under = fat[y0:y1, x0:x1], bare[y0:y1, x0:x1]
        if min(over.shape[:2]) < 3:
            continue
        theirs = np.abs(over - under).max(axis=2) > 3
        # A pixel at an edge is half ground: only those in the middle of a stroke are the letters' own.
        inner = (
            theirs[1:-1, 1:-1] & theirs[:-2, 1:-1] & theirs[2:, 1:-1] & theirs[1:-1, :-2] & theirs[1:-1, 2:]
        )
        letters.append(over[1:-1, 1:-1][inner])
        grounds.append(under[1:-1, 1:-1][inner])
    if sum(map(len, letters)) == 0:
        return None
    colour, ground = np.concatenate(letters), np.concatenate(grounds)
    first, second = luminance(colour), luminance(ground)
    ratios = (np.maximum(first, second) + 0.05) / (np.minimum(first, second) + 0.05)
    # Each ground that is a good part of it (a hatch has two) is judged by the pixels that are wholly letter.
    _, kinds = np.unique(ground // 16, axis=0, return_inverse=True)
    enough = max(4, len(ratios) // 12)
    parts = [ratios[kinds.ravel() == kind] for kind in range(kinds.max() + 1)]
    judged = [float(np.percentile(part, 75)) for part in parts if len(part) >= enough]
    return min(judged) if judged else float(np.percentile(ratios, 75))


def luminance(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """WCAG's relative luminance, n values of 0 to 1, of n × 3 values of 0 to 255."""
    part = colours / 255
    light = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    found: NDArray[np.float64] = light @ np.array([0.2126, 0.7152, 0.0722])
    return found
