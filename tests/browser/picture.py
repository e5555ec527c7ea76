"""Takes the picture of the documents again: ``python -m tests.browser.picture docs/graph.png``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from kubectl_netpol.render.graph_page import to_page
from tests import maps


def take(target: str) -> None:
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder) / "map.html"
        page.write_text(to_page(maps.shop().graph(), "all namespaces"))
        program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        window = browser.new_page(viewport={"width": 1640, "height": 800})
        window.goto(page.as_uri())
        window.locator('g.place[aria-label^="deployment/api, "]').click()
        window.mouse.move(700, 20)
        window.wait_for_timeout(1000)
        window.screenshot(path=target)
        browser.close()


if __name__ == "__main__":
    take(sys.argv[1])
