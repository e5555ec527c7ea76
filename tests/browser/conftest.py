"""A headless Chromium of this system's, driven by Playwright; pages are opened from disk as a user opens them.

Where there is none the tests are skipped with the reason (with CI=true skips are failures).
"""

from __future__ import annotations

import os
import shutil

import pytest

from kubectl_netpol.render.graph_page import to_page

_PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")


@pytest.fixture(scope="session")
def browser():
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        pytest.skip(f"none of {', '.join(_PROGRAMS)} is installed; .ci/need test installs Debian's")
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install '.[test]'")
    with api.sync_playwright() as playwright:
        # As root Chromium has no sandbox of its own, and the page is ours.
        alone = ["--no-sandbox"] if os.geteuid() == 0 else []
        found = playwright.chromium.launch(executable_path=program, args=alone)
        yield found
        found.close()


@pytest.fixture
def open_map(browser, tmp_path):
    """Opens a map as a page, and watches it: at the end nothing may have been complained of or asked for."""
    opened = []

    def open_one(graph, title="all namespaces", **options):
        path = tmp_path / f"map{len(opened)}.html"
        path.write_text(to_page(graph, title))
        context = browser.new_context(**({"viewport": {"width": 1500, "height": 900}} | options))
        context.set_default_timeout(20_000)
        page = context.new_page()
        trouble = []
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: None if request.url == path.as_uri() else trouble.append(request.url))
        page.goto(path.as_uri())
        opened.append((context, trouble))
        page.trouble = trouble
        return page

    yield open_one
    for context, trouble in opened:
        context.close()
        assert not trouble
