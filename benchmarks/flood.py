"""An SOS in a flood: from the press to "help is coming" on the ack topic, which is sent once the alert is durable.

A real `anxin up` (embedded broker, stream and database, fsync on every message). Two figures for each case: `own` is a
button behind the gateway that floods, on the same connection, pressed after so many seconds of flood; `other` is one of
an innocent gateway meanwhile. The flood is telemetry of belts, sent without heeding acknowledgements. Buttons press
once and do not repeat. The flooder shares the machine. Prints JSON lines.

Example: python benchmarks/flood.py --case 1x5000@1 --case 200x200@0   (connections x messages a second @ QoS)
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.e2e.conftest import Device, Service, a_service, wait_for
from tests.integration.doorman_house import connect_packet, publish_packet

HOMES = 220
PATIENCE = 120.0
DEFAULT = ["1x1000@1", "1x5000@0", "1x5000@1", "1x20000@0", "1x20000@1", "200x200@0", "200x200@1"]


class Community(Service):
    """Homes with a belt and a button."""

    def site(self) -> str:
        """Nobody is told: the figure ends where the alert is durable."""
        homes = [
            {"id": f"h{n:04d}", "devices": [{"id": f"belt-{n:04d}", "kind": "bed_belt"}, {"id": f"sos-{n:04d}", "kind": "sos"}]}
            for n in range(HOMES)
        ]  # fmt: skip
        return json.dumps(
            {"community": {"id": "zpq", "name": "z", "timezone": "Asia/Shanghai"}, "homes": homes}
        )


async def flood(port: int, connections: int, rate: float, qos: int, seconds: float, first: int) -> None:
    """Send telemetry on each connection at a rate, and one press after half the time; prints when that was."""
    began = time.monotonic()

    async def gateway(n: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(connect_packet(f"flood-{n}"))
        swallow = asyncio.create_task(_swallow(reader))
        sent, pressed, home = 0, False, first + n
        while (now := time.monotonic() - began) < seconds:
            parts = []
            while sent < now * rate:
                sent += 1
                body = b'{"seq":%d,"heart_rate":%d,"in_bed":true,"respiration_rate":15}' % (
                    sent,
                    60 + sent % 40,
                )
                parts.append(
                    publish_packet(
                        f"anxin/v1/h{home:04d}/belt-{home:04d}", body, sent % 65000 + 1 if qos else 0
                    )
                )
            writer.write(b"".join(parts))
            if not pressed and n == 0 and now > seconds / 2:
                pressed = True
                writer.write(
                    publish_packet(f"anxin/v1/h{home:04d}/sos-{home:04d}", b'{"sos":true,"seq":1}', 65500)
                )
                print(json.dumps({"home": home, "pressed": time.time()}), flush=True)
            await asyncio.sleep(0.02)
        await asyncio.sleep(3.0 if writer.transport.get_write_buffer_size() == 0 else 60.0)
        swallow.cancel()
        writer.close()

    async with asyncio.TaskGroup() as tasks:
        for n in range(connections):
            tasks.create_task(gateway(n))


async def _swallow(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


class Ears(Device):
    """Notes when each acknowledgement came."""

    def __post_init__(self) -> None:
        self.at: dict[str, float] = {}
        super().__post_init__()
        before = self.client.on_message

        def heard(client: Any, data: Any, message: Any) -> None:
            self.at.setdefault(message.topic, time.time())
            assert before is not None
            before(client, data, message)

        self.client.on_message = heard


def resident_mb(service: Service, part: str) -> float:
    """Memory of a part."""
    pages = int(Path(f"/proc/{service.pid_of(part)}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def one(service: Service, ears: Ears, case: str, first: int, seconds: float) -> dict[str, object]:
    """One flood, an SOS in it and one beside it."""
    connections, rate, qos = (int(n) for n in re.fullmatch(r"(\d+)x(\d+)@([01])", case).groups())  # type: ignore[union-attr]
    other = Device(service.mqtt_port)
    peak = dict.fromkeys(("doorman", "ingest", "nats"), 0.0)
    flooder = subprocess.Popen(
        [sys.executable, __file__, "--flood", json.dumps([service.mqtt_port, connections, rate, qos, seconds, first])],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    pressed: dict[str, float] = {}
    try:
        assert flooder.stdout is not None
        told = json.loads(flooder.stdout.readline())
        home = told["home"]
        pressed["own"] = told["pressed"]
        inno = HOMES - 1 - first % 17
        pressed["other"] = time.time()
        other.client.publish(
            f"anxin/v1/h{inno:04d}/sos-{inno:04d}", json.dumps({"sos": True, "seq": first + 1}), qos=1
        )
        topics = {
            "own": f"anxin/v1/h{home:04d}/sos-{home:04d}/ack",
            "other": f"anxin/v1/h{inno:04d}/sos-{inno:04d}/ack",
        }
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and not all(topic in ears.at for topic in topics.values()):
            for part in peak:
                peak[part] = max(peak[part], resident_mb(service, part))
            time.sleep(0.1)
        found: dict[str, object] = {"case": case}
        for who, topic in topics.items():
            found[f"{who}_seconds"] = round(ears.at[topic] - pressed[who], 2) if topic in ears.at else None
            ears.at.pop(topic, None)
        found["peak_mb"] = {part: round(mb) for part, mb in peak.items()}
        return found
    finally:
        flooder.terminate()
        flooder.wait()
        other.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--case", action="append", help="CONNECTIONSxRATE@QOS; by default several")
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="of flood; the press comes after half of it"
    )
    parser.add_argument("--flood", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.flood:
        asyncio.run(flood(*json.loads(options.flood)))
        return
    for n, case in enumerate(options.case or DEFAULT):
        with a_service(acknowledge=600, kind=Community) as service:  # anew: no case pays for the one before
            ears = Ears(service.mqtt_port)
            wait_for(ears.client.is_connected, 20, "the ears")
            time.sleep(1)
            print(json.dumps(one(service, ears, case, n, options.seconds)), flush=True)
            ears.close()


if __name__ == "__main__":
    main()
