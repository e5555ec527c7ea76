"""What is shown of a recording while it runs."""

import pytest

from kubectl_netpol.capture.progress import Progress
from kubectl_netpol.cli.progress import describe


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress(nodes=2), "0/2 nodes, watching 0 pods"),
        (Progress(nodes=2, heard=1, failed=1, pods=1), "1/2 nodes, watching 1 pod, 1 failed"),
        (Progress(begun=10.0, nodes=1, heard=1, pods=3), "1/1 node, watching 3 pods; 1m30s so far"),
        (
            Progress(1.0, 352.0, 2, 2, 0, 14, 9, 23, 0.0, 4, 7),
            "2/2 nodes, watching 14 pods; 23 neighbors of 9 workloads, 4 new in the last minute; 7 lost; 4m12s left",
        ),
        (Progress(begun=1.0, ends=7300.0, nodes=1, heard=1), "1/1 node, watching 0 pods; 2h00m left"),
        (Progress(nodes=2, heard=2, is_ending=True), "collecting the last records"),
    ],
)
def test_progress_is_one_line(progress, text):
    assert describe(progress, 100.0) == text
