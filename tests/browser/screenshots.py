"""`python -m tests.browser.screenshots`: the pictures of the documentation, of a system under load, in both themes."""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.backends import CHROMIUM
from tests.browser.conftest import load, parked
from tests.system import running

IMAGES = Path(__file__).parents[2] / "docs" / "images"
LOAD_SECONDS = 100
# Shown at half the width of a README; more would only be larger.
SIZE: Any = {"width": 1120, "height": 1340}


def main() -> int:
    """Returns the exit code."""
    reason = CHROMIUM.absence()
    if reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="ho-") as folder,
        running(Path(folder), {"DATA_DIR": f"{folder}/data"}) as system,
        load(system),
        sync_playwright() as playwright,
    ):
        parked(system, 3)
        time.sleep(LOAD_SECONDS)
        browser = playwright.chromium.launch(executable_path=CHROMIUM.program, args=["--no-sandbox"])
        for theme in ("light", "dark"):
            page = browser.new_context(viewport=SIZE, color_scheme=theme).new_page()
            page.goto(f"{system.url}/dashboard")
            page.locator(".charts.drawn").wait_for()
            page.screenshot(path=IMAGES / f"now-{theme}.png")
            page.goto(f"{system.url}/dashboard/orders?reference=MIR-BE-0003")
            page.locator("tbody th a").first.click()
            page.locator("summary").first.click()
            page.screenshot(path=IMAGES / f"order-{theme}.png")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
