"""Entries of the site file from a table: a CSV of devices, or one claimed topic. Pure; all or nothing, by row.

`read_table(bytes)` decodes UTF-8, UTF-16 and GB18030 (what spreadsheets in a Chinese office write) and gives rows;
`entries(rows, site)` checks them and gives `(home, Device)` pairs; `as_yaml` writes what is pasted into the site file.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from care.errors import Misconfigured
from care.site import Device, Registry, native_topic
from care.topics import legible
from care.words import Kind
from devices.kinds import KINDS
from devices.learn import scalar

ROWS_LIMIT = 1_000_000
COLUMNS: dict[str, tuple[str, ...]] = {
    "home": ("home", "home_id", "住户", "家庭", "户号", "住户编号"),
    "id": ("device", "id", "device_id", "设备", "设备编号", "编号"),
    "kind": ("kind", "type", "类型", "设备类型", "种类"),
    "room": ("room", "房间", "位置", "安装位置"),
    "address": ("address", "topic", "地址", "主题", "通信地址"),
    "resident": ("resident", "resident_id", "老人", "老人编号"),
    "model": ("model", "型号"),
    "label": ("label", "名称", "备注"),
    "calls_on": ("calls_on", "呼叫动作"),
    "expect_seconds": ("expect_seconds", "上报间隔秒"),
}
"""Field of a device (and its home) -> names of its column; capitals and spaces do not matter."""
_NEEDED = ("home", "id", "kind")
_KIND_WORDS = {k.zh: k.kind for k in KINDS.values()} | {
    "烟雾报警器": Kind.smoke, "燃气": Kind.gas, "气感": Kind.gas, "门磁传感器": Kind.door, "红外": Kind.motion, "人体红外": Kind.motion,
    "床垫": Kind.bed_belt, "睡眠带": Kind.bed_belt, "一键呼叫": Kind.sos, "紧急按钮": Kind.sos, "水浸": Kind.water_leak, "水表": Kind.water_meter,
    "跌倒雷达": Kind.fall, "毫米波雷达": Kind.presence,
}  # fmt: skip


class RowFaults(Misconfigured):
    """A table has faults; nothing was taken from it."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = list(faults)
        super().__init__("; ".join(self.faults[:20]))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: where it stands in the file, and its cells by field."""

    line: int
    cells: dict[str, str]


def decode_table(data: bytes) -> tuple[str, str]:
    """(text, encoding): by its mark, else UTF-8 if it is, else UTF-16 if every second byte is zero, else GB18030."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            candidates = [name]
            break
    else:
        candidates = ["utf-8", "gb18030"]
        sample = data[:400]
        if sample.count(0) * 5 > len(sample):
            # Commas and digits have their zero byte first (big-endian) or second.
            candidates = ["utf-16-be" if sample[::2].count(0) > sample[1::2].count(0) else "utf-16-le"]
    for name in candidates:
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, name.removesuffix("-sig").split("-le")[0].split("-be")[0]
    raise RowFaults(["the file is neither UTF-8, UTF-16 nor GB18030 text"])


def read_table(data: bytes) -> tuple[list[Row], str]:
    """Rows of a CSV and its encoding. Raises RowFaults."""
    text, encoding = decode_table(data)
    head = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    fields: list[str | None] = []
    rows: list[Row] = []
    faults: list[str] = []
    try:
        for cells in reader:
            if not any(c.strip() for c in cells):
                continue
            if not fields:
                fields = _header(cells)
                continue
            if len(rows) >= ROWS_LIMIT:
                raise RowFaults([f"row {reader.line_num}: more than {ROWS_LIMIT} rows"])
            if len(cells) > len(fields):
                faults.append(f"row {reader.line_num}: {len(cells)} cells, but the header has {len(fields)}")
                continue
            found = {f: c.strip() for f, c in zip(fields, cells, strict=False) if f is not None and c.strip()}
            rows.append(Row(reader.line_num, found))
    except csv.Error as error:
        raise RowFaults([f"row {reader.line_num}: {error}"]) from None
    if not fields:
        faults.append("row 1: a header with home, device, kind is missing")
    if faults:
        raise RowFaults(faults)
    return rows, encoding


def _header(cells: Sequence[str]) -> list[str | None]:
    names = {alias: field for field, aliases in COLUMNS.items() for alias in aliases}
    fields = [names.get(re.sub(r"[\s-]+", "_", c.strip().lower())) for c in cells]
    faults = [f"row 1: the column `{COLUMNS[f][0]}` is missing" for f in _NEEDED if f not in fields]
    faults += [
        f"row 1: two columns are `{f}`" for f in sorted({f for f in fields if f and fields.count(f) > 1})
    ]
    faults += [
        f"row 1: unknown column `{c.strip()[:40]}`; known are {', '.join(a[0] for a in COLUMNS.values())}"
        for c, f in zip(cells, fields, strict=True)
        if f is None and c.strip()
    ]
    if faults:
        raise RowFaults(faults)
    return fields


def entries(rows: Sequence[Row], registry: Registry | None = None) -> list[tuple[str, Device]]:
    """Devices with their homes, in order. With a registry the homes must exist, and ids and topics be free.

    Raises RowFaults with every fault of every row.
    """
    out: list[tuple[str, Device]] = []
    faults: list[str] = []
    ids: dict[str, str] = dict.fromkeys(registry.devices, "the site file") if registry else {}
    topics: dict[str, str] = {t: f"`{d.id}`" for t, (_, d) in registry.topics().items()} if registry else {}
    for row in rows:
        made = _device(row, faults)
        if made is None:
            continue
        home, device = made
        where = f"row {row.line}"
        if registry is not None:
            known = registry.homes.get(home)
            if known is None:
                faults.append(f"{where}: home `{home}` is not in the site file")
            elif device.resident is not None and device.resident not in {r.id for r in known.residents}:
                faults.append(f"{where}: resident `{device.resident}` does not live in home `{home}`")
        if device.id in ids:
            faults.append(f"{where}: device `{device.id}` is already in {ids[device.id]}")
        ids.setdefault(device.id, where)
        topic = device.address or native_topic(home, device.id)
        if set(topic) & set("+#") or topic.startswith("$") or not topic.strip("/") or not legible(topic):
            faults.append(f"{where}: address `{topic[:80]}` must be one MQTT topic without wildcards")
        elif topic in topics:
            faults.append(f"{where}: address `{topic}` already belongs to {topics[topic]}")
        topics.setdefault(topic, f"`{device.id}` ({where})")
        out.append((home, device))
    if faults:
        raise RowFaults(faults)
    return out


def _device(row: Row, faults: list[str]) -> tuple[str, Device] | None:
    where = f"row {row.line}"
    missing = [f for f in _NEEDED if f not in row.cells]
    if missing:
        faults.append(
            f"{where}: {', '.join(COLUMNS[f][0] for f in missing)} {'is' if len(missing) == 1 else 'are'} empty"
        )
        return None
    cells: dict[str, Any] = dict(row.cells)
    home = cells.pop("home")
    cells["kind"] = _KIND_WORDS.get(cells["kind"], cells["kind"].lower().replace(" ", "_"))
    if "calls_on" in cells:
        cells["calls_on"] = [w for w in re.split(r"[\s,;、|]+", cells["calls_on"]) if w]
    if "expect_seconds" in cells:
        try:
            cells["expect_seconds"] = float(cells["expect_seconds"])
        except ValueError:
            faults.append(f"{where}: expect_seconds must be a number")
            return None
    try:
        device = msgspec.convert(cells, Device)
        msgspec.convert({"id": home, "kind": device.kind}, Device)  # the same rule for ids of homes
    except msgspec.ValidationError as error:
        text = re.sub(r" - at `\$\.?(\w+)`$", r" (\1)", str(error))
        if "enum" in text:
            text = f"kind `{row.cells['kind'][:40]}` is none of {', '.join(k.value for k in Kind)}"
        faults.append(f"{where}: {text}")
        return None
    return home, device


def as_line(device: Device) -> str:
    """A device as one line of the site file."""
    pairs: list[tuple[str, Any]] = [("id", device.id), ("kind", device.kind.value)]
    for name in ("resident", "room", "address", "model", "label"):
        value = getattr(device, name)
        if value:
            pairs.append((name, value))
    if device.calls_on:
        pairs.append(("calls_on", device.calls_on))
    if device.expect_seconds is not None:
        pairs.append(("expect_seconds", device.expect_seconds))
    return "- {" + ", ".join(f"{k}: {_value(v)}" for k, v in pairs) + "}"


def _value(value: Any) -> str:
    return f"[{', '.join(map(scalar, value))}]" if isinstance(value, list) else scalar(value)


def as_yaml(found: Iterable[tuple[str, Device]]) -> str:
    """The lines for the site file, home by home."""
    homes: dict[str, list[Device]] = {}
    for home, device in found:
        homes.setdefault(home, []).append(device)
    lines = ["homes:"]
    for home, devices in homes.items():
        lines += [f"  - id: {scalar(home)}", "    devices:", *(f"      {as_line(d)}" for d in devices)]
    return "\n".join(lines) + "\n"


def proposed_id(kind: Kind, home: str, taken: Iterable[str] = ()) -> str:
    """`smoke-0317` for a smoke detector of home h0317; with a number behind it when that is taken."""
    short = "belt" if kind is Kind.bed_belt else kind.value.replace("_", "-")
    number = home[1:] if re.fullmatch(r"[a-z][0-9]+", home) else home
    base = f"{short}-{number}"[:60]
    used = set(taken)
    return (
        base
        if base not in used
        else next(n for i in range(2, len(used) + 3) if (n := f"{base}-{i}") not in used)
    )


__all__ = ["Row", "RowFaults", "as_line", "as_yaml", "decode_table", "entries", "proposed_id", "read_table"]
