"""Adds devices to the text of a site file and leaves every other character of it alone: comments, order, quotes.

`add_devices(text, added)` gives the new text and the line of each device; it raises SiteFaults for a home that is not
there or a form it cannot write into, and when the result would not be a good site file. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import yaml

from care.site import Device, Site
from care.sitefile import Fault, SiteFaults, node_of, read_site


@dataclass(frozen=True, slots=True)
class Added:
    """The new text, the site it is, and where each device now stands."""

    text: str
    site: Site
    lines: list[int]


@dataclass(frozen=True, slots=True)
class _Cut:
    """Text to be put in at an index of the old one."""

    at: int
    text: str


def add_devices(text: str, added: Sequence[tuple[str, Device]], *, write: Callable[[Device], str]) -> Added:
    """`added` are devices with their homes, `write` writes a device as a YAML flow mapping (`{id: …}`)."""
    before = read_site(text)
    root = node_of(text)
    by_home: dict[str, list[Device]] = {}
    for home, device in added:
        by_home.setdefault(home, []).append(device)
    newline = "\r\n" if "\r\n" in text else "\n"
    nodes = _homes(root)
    faults = [Fault(1, f"home `{home}` is not in the site file") for home in by_home if home not in nodes]
    if faults:
        raise SiteFaults(faults)
    cuts = [_cut(text, nodes[home], [write(d) for d in found], newline) for home, found in by_home.items()]
    new = text
    for cut in sorted(cuts, key=lambda c: c.at, reverse=True):
        new = new[: cut.at] + cut.text + new[cut.at :]
    site = read_site(new)
    _same_but_for(before, site, by_home)
    lines = _lines(new, [device.id for _, device in added])
    return Added(new, site, lines)


def _homes(root: yaml.Node | None) -> dict[str, yaml.MappingNode]:
    homes = _value(root, "homes")
    out: dict[str, yaml.MappingNode] = {}
    for node in homes.value if isinstance(homes, yaml.SequenceNode) else ():
        name = _value(node, "id")
        if isinstance(node, yaml.MappingNode) and isinstance(name, yaml.ScalarNode):
            out[name.value] = node
    return out


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((v for k, v in node.value if isinstance(k, yaml.ScalarNode) and k.value == key), None)


def _cut(text: str, home: yaml.MappingNode, items: list[str], newline: str) -> _Cut:
    devices = _value(home, "devices")
    if isinstance(devices, yaml.SequenceNode):
        if devices.flow_style:
            return _into_flow(devices, ", ".join(items))
        column = devices.start_mark.column
        return _below(text, devices, [f"{' ' * column}- {item}" for item in items], newline)
    if home.flow_style:
        return _into_flow(home, f"devices: [{', '.join(items)}]")
    column = home.value[0][0].start_mark.column
    lines = [f"{' ' * (column + 2)}- {item}" for item in items]
    return _below(text, home, [f"{' ' * column}devices:", *lines], newline)


def _into_flow(node: yaml.CollectionNode, item: str) -> _Cut:
    """Right behind the last item, before a comma or a comment that may follow it."""
    if not node.value:
        return _Cut(int(node.start_mark.index) + 1, item)
    return _Cut(_end_of_last(node), f", {item}")


def _below(text: str, node: yaml.Node, lines: list[str], newline: str) -> _Cut:
    """On lines of their own after the last one that has content of the node, and the comment that stands behind it."""
    end = _end(node)
    if end > 0 and text[end - 1] == "\n":
        return _Cut(end, "".join(f"{line}{newline}" for line in lines))  # a block of text ends with its line
    at = text.find("\n", end)
    if at < 0:
        return _Cut(len(text), newline + newline.join(lines))
    return _Cut(at + 1, "".join(f"{line}{newline}" for line in lines))


def _end(node: yaml.Node) -> int:
    """Where the content of a node ends; the marks of block collections stand at whatever comes next."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        return _end_of_last(node)
    return int(node.end_mark.index)


def _end_of_last(node: yaml.CollectionNode) -> int:
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)


def _same_but_for(before: Site, after: Site, by_home: dict[str, list[Device]]) -> None:
    """Anything else that would change is a form of YAML that this does not understand (an alias, say): nothing is written."""
    wanted = [
        msgspec.structs.replace(home, devices=[*home.devices, *by_home.get(home.id, ())])
        for home in before.homes
    ]
    if msgspec.structs.replace(before, homes=wanted) != after:
        raise SiteFaults(
            [
                Fault(
                    1,
                    "this file is written in a way that cannot be added to; paste the lines that --dry-run prints",
                )
            ]
        )


def _lines(text: str, ids: Sequence[str]) -> list[int]:
    found: dict[str, int] = {}
    for home in _homes(node_of(text)).values():
        devices = _value(home, "devices")
        for node in devices.value if isinstance(devices, yaml.SequenceNode) else ():
            name = _value(node, "id")
            if isinstance(name, yaml.ScalarNode):
                found[name.value] = node.start_mark.line + 1
    return [found[name] for name in ids]


__all__ = ["Added", "add_devices"]
