"""A schematic map of a site: grids, micro-grids, buildings, river and centre in a box of 500 x 392.

Start at `schematic(registry)`. Pure and deterministic: the same site gives the same picture. It is true to
geography (north is up, one scale, `metres_per_unit`), so a responder's place can be drawn with `project`;
only buildings are moved, to the nearest free plot, so that no two boxes lie on each other.

A grid's cell is its share of the plane (Voronoi), cut back from its neighbours by half a street and not
reaching far beyond its own people. Corners that nearly touch are made one, which gives the quads that
staff know from the grid map on the wall.
"""

from __future__ import annotations

import itertools
import math
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from care.site import Home, Location, Registry, Site

WIDTH, HEIGHT = 500.0, 392.0
"""The drawing box, in units."""
MARGIN = 13.0
STREET = 7.4
"""Width of the gap between two grids, in units."""
PLOT = 19.0
"""Room that a building's middle leaves to the river, the centre and the number of its grid, in units."""
JOIN = 15.0
"""Two corners of cells nearer than this are drawn as one."""
METRES_PER_DEGREE = 111_320.0
"""Length of a degree of latitude; of longitude at the equator."""

RIVERS: dict[str, list[Location]] = {
    # 总浦桥: a branch of 中大河, drawn after the community's own wall map (approximate).
    "zpq": [
        (29.95592, 121.71616), (29.95557, 121.71546), (29.95525, 121.71486), (29.95492, 121.71438),
        (29.95453, 121.71402), (29.95402, 121.7138), (29.9535, 121.71372), (29.95303, 121.71377),
        (29.95256, 121.71385), (29.95209, 121.71388), (29.95157, 121.71376), (29.95107, 121.71343),
        (29.95072, 121.71296), (29.95045, 121.71241), (29.95018, 121.71185), (29.94985, 121.71135),
        (29.94955, 121.711), (29.94929, 121.71072), (29.94905, 121.71051), (29.94882, 121.71035),
        (29.94859, 121.71023),
    ],
}  # fmt: skip
"""Rivers of known communities as lines of places; a site file has none."""

Point = tuple[float, float]
Polygon = list[Point]

_BUILDING = re.compile(r"^(.*?[0-9A-Z一二三四五六七八九十]\s*(?:号楼|幢|栋|座|弄(?:\s*\d+\s*号)?|号))")
_BLOCK = re.compile(r"^(.*?[0-9A-Z一二三四五六七八九十]\s*(?:号楼|幢|栋|座))")
_DOOR = re.compile(r"单元|室|[（(]")


def named_building(address: str) -> str:
    """Estate and building of an address (`胜利路 21 弄 银杏小区 3 幢`), however it is spaced; "" when it names none.

    A lane or an estate's number before the building is the way to it; what follows the door (北门进，近 5 幢) is no part of it.
    """
    way = _DOOR.split(address, maxsplit=1)[0]
    match = _BLOCK.match(way) or _BUILDING.match(address)
    return match[1].strip() if match else ""


def building_of(home: Home) -> str:
    """Estate and building without staircase and door (`银杏小区 3 幢`); the whole address when it names none."""
    return home.building or named_building(home.address) or home.address.strip()


def _unit(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts only: irregularity without a random generator."""
    return zlib.crc32("\x1f".join(str(p) for p in parts).encode()) / 2**32


def _clip(polygon: Polygon, a: float, b: float, c: float) -> Polygon:
    """The part of a convex polygon where a*x + b*y <= c."""
    out: Polygon = []
    for i, (x1, y1) in enumerate(polygon):
        x0, y0 = polygon[i - 1]
        d0, d1 = a * x0 + b * y0 - c, a * x1 + b * y1 - c
        if (d0 <= 0) != (d1 <= 0):
            t = d0 / (d0 - d1)
            out.append((x0 + t * (x1 - x0), y0 + t * (y1 - y0)))
        if d1 <= 0:
            out.append((x1, y1))
    return out


def _nearer(p: Point, q: Point) -> tuple[float, float, float]:
    """The half plane of everything nearer to `p` than to `q`."""
    a, b = q[0] - p[0], q[1] - p[1]
    return a, b, (q[0] ** 2 + q[1] ** 2 - p[0] ** 2 - p[1] ** 2) / 2


def _cells(
    centres: Sequence[Point], bounds: tuple[float, float, float, float], reach: float
) -> list[Polygon]:
    """The share of the plane of each centre, inside the bounds and within `reach` of it to each side."""
    cells = []
    for i, p in enumerate(centres):
        x0, y0 = max(bounds[0], p[0] - reach), max(bounds[1], p[1] - reach)
        x1, y1 = min(bounds[2], p[0] + reach), min(bounds[3], p[1] + reach)
        cell: Polygon = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        for j, q in enumerate(centres):
            if i != j and q != p:
                cell = _clip(cell, *_nearer(p, q))
        cells.append(cell)
    return cells


def _joined(cells: list[Polygon]) -> list[Polygon]:
    """The same cells with corners nearer than JOIN to each other drawn together, for all cells alike."""
    groups: list[list[Point]] = []
    for point in (p for cell in cells for p in cell):
        for group in groups:
            if math.dist(group[0], point) < JOIN:
                group.append(point)
                break
        else:
            groups.append([point])
    heart = {p: (sum(x for x, _ in g) / len(g), sum(y for _, y in g) / len(g)) for g in groups for p in g}
    out = []
    for cell in cells:
        joined: Polygon = []
        for p in (heart[p] for p in cell):
            if not joined or p != joined[-1]:
                joined.append(p)
        if len(joined) > 1 and joined[0] == joined[-1]:
            joined.pop()
        # Without corners that do not turn.
        straight = [
            p for i, p in enumerate(joined) if _bend(joined[i - 1], p, joined[(i + 1) % len(joined)]) > 0.06
        ]
        out.append(straight if len(straight) >= 3 else cell)
    return out


def _bend(a: Point, b: Point, c: Point) -> float:
    """How much the way a, b, c turns at b, in radians."""
    turn = math.atan2(c[1] - b[1], c[0] - b[0]) - math.atan2(b[1] - a[1], b[0] - a[0])
    return abs((turn + math.pi) % (2 * math.pi) - math.pi)


def _shrunk(polygon: Polygon, by: float) -> Polygon:
    """A convex polygon moved in from its edges; unchanged when nothing would be left."""
    area = sum(polygon[i - 1][0] * p[1] - p[0] * polygon[i - 1][1] for i, p in enumerate(polygon))
    out = list(polygon)
    for i, (x1, y1) in enumerate(polygon):
        x0, y0 = polygon[i - 1]
        length = math.hypot(x1 - x0, y1 - y0)
        if length < 1e-9:
            continue
        # Outward normal: to the right of the edge when the corners run counter-clockwise on paper.
        nx, ny = (y1 - y0) / length, -(x1 - x0) / length
        if area < 0:
            nx, ny = -nx, -ny
        out = _clip(out, nx, ny, nx * x0 + ny * y0 - by)
    return out if len(out) >= 3 else polygon


def _inside(polygon: Polygon, x: float, y: float) -> bool:
    inside = False
    for i, (x1, y1) in enumerate(polygon):
        x0, y0 = polygon[i - 1]
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            inside = not inside
    return inside


def _cut(polygon: Polygon, a: float, b: float, c: float) -> tuple[Point, Point] | None:
    """The two ends of the line a*x + b*y = c inside a convex polygon."""
    ends: Polygon = []
    for i, (x1, y1) in enumerate(polygon):
        x0, y0 = polygon[i - 1]
        d0, d1 = a * x0 + b * y0 - c, a * x1 + b * y1 - c
        if (d0 <= 0) != (d1 <= 0):
            t = d0 / (d0 - d1)
            ends.append((x0 + t * (x1 - x0), y0 + t * (y1 - y0)))
    return (ends[0], ends[1]) if len(ends) == 2 and math.dist(*ends) > 2 else None


def _mean(places: Iterable[Location | None]) -> Location | None:
    known = [p for p in places if p is not None]
    if not known:
        return None
    return sum(p[0] for p in known) / len(known), sum(p[1] for p in known) / len(known)


def _grid_places(site: Site) -> dict[str, Location | None]:
    """The middle of each grid: of its micro-grids, else of its homes."""
    homes: dict[str, list[Location]] = {}
    for home in site.homes:
        if home.location is not None and home.micro_grid is not None:
            homes.setdefault(home.micro_grid, []).append(home.location)
    out: dict[str, Location | None] = {}
    for grid in site.grids:
        out[grid.id] = _mean(m.location for m in grid.micro_grids) or _mean(
            p for m in grid.micro_grids for p in homes.get(m.id, [])
        )
    return out


Project = Callable[[Location], Point]


def projection(site: Site) -> tuple[Project, float]:
    """How a place becomes a point of the drawing, and how many metres one unit is.

    The places of the grids decide the scale: half a cell of room is left around the outermost ones. A site
    without any places is drawn as if it stood at its grids' numbers, 250 m apart.
    """
    places = [p for p in _grid_places(site).values() if p is not None]
    if not places:
        places = [h.location for h in site.homes if h.location is not None]
    if not places and site.community.centre is not None:
        places = [site.community.centre]
    if not places:
        places = [(0.0, 0.0)]
    lat0 = (min(p[0] for p in places) + max(p[0] for p in places)) / 2
    lon0 = (min(p[1] for p in places) + max(p[1] for p in places)) / 2
    squeeze = math.cos(math.radians(lat0))
    tall = (max(p[0] for p in places) - min(p[0] for p in places)) * METRES_PER_DEGREE
    wide = (max(p[1] for p in places) - min(p[1] for p in places)) * METRES_PER_DEGREE * squeeze
    columns = max(1.0, math.sqrt(len(places) * WIDTH / HEIGHT))
    rows = max(1.0, len(places) / columns)
    wide *= columns / max(1.0, columns - 1)
    tall *= rows / max(1.0, rows - 1)
    scale = max(wide / (WIDTH - 2 * MARGIN), tall / (HEIGHT - 2 * MARGIN), 0.2)

    def project(place: Location) -> Point:
        x = WIDTH / 2 + (place[1] - lon0) * squeeze * METRES_PER_DEGREE / scale
        y = HEIGHT / 2 - (place[0] - lat0) * METRES_PER_DEGREE / scale
        return x, y

    return project, scale


def _r(value: float) -> float:
    return round(value, 1)


def _plots(cell: Polygon, wanted: int, key: str, keep_off: Polygon) -> list[Point]:
    """Middles of the plots for buildings in a cell, at least `wanted` where they fit: rows with a street between.

    None is within PLOT of a point of `keep_off` (the river, the centre, the number of the grid).
    """
    inner = _shrunk(cell, 9.5)
    xs, ys = [p[0] for p in inner], [p[1] for p in inner]
    step_x, step_y = 25.0, 24.0
    while True:
        columns = max(1, int((max(xs) - min(xs)) / step_x) + 1)
        rows = max(1, int((max(ys) - min(ys)) / step_y) + 1)
        gap_x = (max(xs) - min(xs)) / columns
        gap_y = (max(ys) - min(ys)) / rows
        plots = []
        for row in range(rows):
            lean = (_unit(key, row) - 0.5) * 3
            for column in range(columns):
                x, y = min(xs) + (column + 0.5) * gap_x + lean, min(ys) + (row + 0.5) * gap_y
                if _inside(inner, x, y) and all(
                    abs(x - a) > PLOT or abs(y - b) > PLOT * 0.7 for a, b in keep_off
                ):
                    plots.append((x, y))
        if len(plots) >= wanted or step_x < 6:
            return plots or [(sum(xs) / len(xs), sum(ys) / len(ys))]
        step_x *= 0.9
        step_y *= 0.9


def schematic(registry: Registry) -> dict[str, Any]:
    """The map of a site, in units of a 500 x 392 box with y downwards (GET /map).

    `grids` [{id, number, name, polygon [[x, y]], micro [[[x, y], [x, y]]] dividing lines, micro_grids [{id, name, at}],
    label [x, y]}], `buildings` [{id, grid, name, box [x, y, w, h], homes}] (a building nobody is watched over in has an
    empty name and no homes), `river` [[x, y]] or null, `centre` [x, y] or null, `metres_per_unit`, and `origin`
    {lat, lon, x, y, units_per_degree: [lat, lon]} with which a screen draws any other place.
    """
    site = registry.site
    project, scale = projection(site)
    places = _grid_places(site)
    points = _points(site, places, project)
    bounds = (
        MARGIN - STREET / 2,
        MARGIN - STREET / 2,
        WIDTH - MARGIN + STREET / 2,
        HEIGHT - MARGIN + STREET / 2,
    )
    columns = max(1.0, math.sqrt(max(1, len(points)) * WIDTH / HEIGHT))
    reach = 0.72 * (WIDTH - 2 * MARGIN) / columns
    cells = [_shrunk(c, STREET / 2) for c in _joined(_cells(points, bounds, reach))]

    centre = site.community.centre
    river = RIVERS.get(site.community.id, [])
    water = _along([project(p) for p in river])
    grids, buildings = [], []
    homes_by_grid: dict[str, list[Home]] = {}
    for home in site.homes:
        found = registry.grid_of(home)
        if found is not None:
            homes_by_grid.setdefault(found[0].id, []).append(home)
    for n, (grid, cell, point) in enumerate(zip(site.grids, cells, points, strict=True), start=1):
        micro_points = [
            (m, project(m.location) if m.location is not None else point) for m in grid.micro_grids
        ]
        lines = []
        for i, (_, p) in enumerate(micro_points):
            for _, q in micro_points[i + 1 :]:
                share = cell
                for _, r in micro_points:
                    if r not in (p, q):
                        share = _clip(share, *_nearer(p, r))
                ends = _cut(share, *_nearer(p, q)) if p != q and len(share) >= 3 else None
                if ends is not None:
                    lines.append([[_r(x), _r(y)] for x, y in ends])
        label = _label(cell, water)
        digits = re.search(r"\d+", grid.name) or re.search(r"\d+", grid.id)
        grids.append(
            {
                "id": grid.id,
                "number": int(digits[0]) if digits else n,
                "name": grid.name,
                "polygon": [[_r(x), _r(y)] for x, y in cell],
                "micro": lines,
                "micro_grids": [
                    {"id": m.id, "name": m.name, "at": [_r(p[0]), _r(p[1])]} for m, p in micro_points
                ],
                "label": [_r(label[0]), _r(label[1])],
            }
        )
        keep_off = [*water, *([project(centre)] if centre is not None else []), (label[0] + 6, label[1] - 4)]
        plots = _plots(
            cell, len({building_of(h) for h in homes_by_grid.get(grid.id, [])}) + 2, grid.id, keep_off
        )
        buildings.extend(_buildings(grid.id, plots, point, homes_by_grid.get(grid.id, []), project))
    origin = project((0.0, 0.0))
    north, east = project((1.0, 0.0)), project((0.0, 1.0))
    return {
        "width": int(WIDTH),
        "height": int(HEIGHT),
        "grids": grids,
        "buildings": buildings,
        "river": [[_r(x), _r(y)] for x, y in map(project, river)] if river else None,
        "centre": [_r(v) for v in project(centre)] if centre is not None else None,
        "metres_per_unit": round(scale, 3),
        "origin": _origin(site, project, (north[1] - origin[1], east[0] - origin[0])),
    }


def _origin(site: Site, project: Project, per_degree: tuple[float, float]) -> dict[str, Any]:
    at = site.community.centre or next((p for p in _grid_places(site).values() if p is not None), (0.0, 0.0))
    x, y = project(at)
    return {
        "lat": at[0],
        "lon": at[1],
        "x": round(x, 2),
        "y": round(y, 2),
        "units_per_degree": [round(per_degree[0], 1), round(per_degree[1], 1)],
    }


def _points(site: Site, places: dict[str, Location | None], project: Project) -> list[Point]:
    """Where each grid stands in the drawing; grids without a place are set in rows."""
    columns = max(1, round(math.sqrt(len(site.grids) * WIDTH / HEIGHT)))
    rows = max(1, math.ceil(len(site.grids) / columns))
    out: list[Point] = []
    for i, grid in enumerate(site.grids):
        place = places[grid.id]
        if place is not None:
            x, y = project(place)
        else:
            x = (
                MARGIN
                + (i % columns + 0.5) * (WIDTH - 2 * MARGIN) / columns
                + (_unit(grid.id, "x") - 0.5) * 12
            )
            y = (
                MARGIN
                + (i // columns + 0.5) * (HEIGHT - 2 * MARGIN) / rows
                + (_unit(grid.id, "y") - 0.5) * 12
            )
        while (x, y) in out:  # two grids at one place still get a cell each
            x += 1.0
        out.append((x, y))
    return out


def _along(line: Polygon) -> Polygon:
    """Points on a line, 8 units apart."""
    out: Polygon = []
    for (x0, y0), (x1, y1) in itertools.pairwise(line):
        steps = max(1, round(math.hypot(x1 - x0, y1 - y0) / 8))
        out.extend((x0 + (x1 - x0) * i / steps, y0 + (y1 - y0) * i / steps) for i in range(steps))
    return out + line[-1:]


def _label(cell: Polygon, water: Polygon) -> Point:
    """Where the number of a grid is written: in its upper left corner, or beside the river that runs there."""
    x, y = min(cell, key=lambda p: p[0] + p[1])
    x, y = x + 5.5, y + 17.5
    for _ in range(8):
        if all(math.dist((x + 6, y - 4), p) > 16 for p in water) and _inside(cell, x, y):
            break
        x += 6
    return x, y


def _buildings(
    grid: str, plots: list[Point], point: Point, homes: list[Home], project: Project
) -> list[dict[str, Any]]:
    """The buildings of a grid on its plots: those with homes nearest to where they stand, then others."""
    known: dict[str, list[Home]] = {}
    for home in homes:
        known.setdefault(building_of(home), []).append(home)
    spread = min(
        (math.dist(p, q) for i, p in enumerate(plots) for q in plots[i + 1 :]),
        default=25.0,
    )
    width, height = min(18.0, spread * 0.74), min(11.0, spread * 0.46)
    free = list(plots)
    out = []
    for n, (name, inside) in enumerate(known.items(), start=1):
        place = _mean(h.location for h in inside)
        x, y = project(place) if place is not None else point
        plot = min(free or plots, key=lambda p: math.dist(p, (x, y)))
        if plot in free:
            free.remove(plot)
        out.append(_box(f"{grid}-b{n:02d}", grid, name, plot, (width, height), [h.id for h in inside]))
    for n, plot in enumerate(free, start=len(out) + 1):
        if _unit(grid, "block", n, _r(plot[0])) > 0.14:  # a few plots are gardens
            out.append(_box(f"{grid}-b{n:02d}", grid, "", plot, (width, height), []))
    return out


def _box(name: str, grid: str, label: str, at: Point, size: Point, homes: list[str]) -> dict[str, Any]:
    return {
        "id": name,
        "grid": grid,
        "name": label,
        "box": [_r(at[0] - size[0] / 2), _r(at[1] - size[1] / 2), _r(size[0]), _r(size[1])],
        "homes": homes,
    }
