"""The agent's image, built once per run: the layer of Debian's packages is kept between runs (image/build.py)."""

from __future__ import annotations

import pytest

from image.build import build_archives
from image.oci import native_architecture
from tests.archives import Archive, read_archive, require_builder


@pytest.fixture(scope="session")
def archives(tmp_path_factory):
    """The files of `make image`: for all platforms, for amd64, for arm64."""
    require_builder()
    return build_archives(tmp_path_factory.mktemp("image") / "agent.tar")


@pytest.fixture(scope="session")
def archive(archives) -> Archive:
    """The archive for all platforms."""
    return read_archive(archives[0])


@pytest.fixture(scope="session")
def root(archive, tmp_path_factory):
    """The root file system for this machine's architecture."""
    return archive.platforms()[f"linux/{native_architecture()}"].unpack(tmp_path_factory.mktemp("root"))
