"""Before browser tests: can this machine draw Chinese? Without a font every picture shows boxes.

Says so in one sentence; ends with 1 only when browser tests are required (ANXIN_BROWSER_REQUIRED=1).
"""

import os
import shutil
import subprocess
import sys


def fault() -> str | None:
    """What is missing, or None."""
    if shutil.which("fc-list") is None:
        return None  # nothing to ask; the browser tests will show
    found = subprocess.run(
        ["fc-list", ":lang=zh", "family"], capture_output=True, text=True, check=False
    ).stdout
    return None if found.strip() else "no Chinese font here: install Debian's fonts-noto-cjk"


if __name__ == "__main__":
    sentence = fault()
    if sentence is not None:
        print(f"make: {sentence}", file=sys.stderr)
        sys.exit(os.environ.get("ANXIN_BROWSER_REQUIRED") == "1")
