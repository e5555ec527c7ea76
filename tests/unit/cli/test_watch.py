"""``neighbors --watch`` while something writes to the cache."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from queue import Queue

import pytest
import yaml
from cache.recordings import API, OUTSIDE, WEB, recording

from kubectl_netpol.cache.clusters import remember
from kubectl_netpol.cache.store import Store, stamp
from kubectl_netpol.cli.kubeconfig import read_context
from kubectl_netpol.model import Workload
from kubectl_netpol.render.table import GrowingTable

ROOT = Path(__file__).parents[3]
DB = Workload("shop", "StatefulSet", "db", "apps/v1")


class Watch:
    """A watching process, and its lines as they come."""

    def __init__(self, directory, *arguments):
        environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "KUBECTL_NETPOL_CACHE_DIR": str(directory)}
        command = [sys.executable, "-m", "kubectl_netpol", "neighbors", "-n", "shop", *arguments]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._lines, self._notes = Queue(), Queue()
        for stream, lines in ((self.process.stdout, self._lines), (self.process.stderr, self._notes)):
            threading.Thread(target=self._read, args=(stream, lines), daemon=True).start()

    @staticmethod
    def _read(stream, lines):
        for line in stream:
            lines.put(line.rstrip("\n"))

    def line(self):
        return self._lines.get(timeout=30)

    def note(self):
        return self._notes.get(timeout=30)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=30)

    def rest(self):
        return list(self._lines.queue)


@pytest.fixture
def watch(tmp_path):
    found = []

    def start(*arguments):
        found.append(Watch(tmp_path, *arguments))
        return found[-1]

    yield start
    for one in found:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@pytest.fixture
def kubeconfig(tmp_path):
    path = tmp_path / "kubeconfig"
    clusters = [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443"}}]
    contexts = [{"name": "one", "context": {"cluster": "c", "namespace": "shop"}}]
    path.write_text(yaml.safe_dump({"current-context": "one", "contexts": contexts, "clusters": clusters}))
    return path


def merge(directory, *recordings, cluster="local"):
    with Store.open(directory) as store:
        store.merge(cluster, recordings)


def learn(directory, kubeconfig, identity):
    """What the first recording of a cluster does before it keeps anything."""
    with Store.open(directory) as store:
        remember(directory, read_context([kubeconfig]).cluster, identity, store)


def test_a_watch_appends_what_is_new_and_not_what_is_only_counted_again(tmp_path, watch):
    merge(tmp_path, recording())
    shown = watch("-w")
    assert shown.line().split()[:3] == ["WORKLOAD", "DIRECTION", "PEER"]
    first = shown.line()
    assert first.startswith("deployment/web   egress      shop/deployment/api ")
    assert shown.note().startswith("note: deployment/web in namespace shop: the recording is lossy (dns_lost)")
    merge(tmp_path, recording(attempts=9, last=9000))
    merge(tmp_path, recording(key=OUTSIDE), recording(DB))
    lines = sorted(shown.line() for _ in range(2))
    assert shown.note().startswith("note: statefulset/db in namespace shop: the recording is lossy (dns_lost)")
    assert lines[0].startswith("deployment/web   egress      api.example. (142.250.1.104)")
    assert lines[1].startswith("statefulset/db   egress      shop/deployment/api")
    assert shown.stop() == 130
    assert shown.rest() == []


def test_a_watch_waits_for_the_first_recording(tmp_path, watch):
    shown = watch("--watch", "-o", "name")
    assert shown.note() == "No recordings found in shop namespace; waiting for one."
    merge(tmp_path, recording())
    assert shown.line() == "deployment.apps/web"
    assert shown.stop() == 130


def test_a_watch_waits_for_the_first_recording_of_a_cluster(tmp_path, kubeconfig, watch):
    shown = watch("-w", "-o", "name", "--kubeconfig", str(kubeconfig))
    assert shown.note() == "No recordings found in shop namespace; waiting for one."
    learn(tmp_path, kubeconfig, "uid")
    merge(tmp_path, recording(), cluster="uid")
    assert shown.line() == "deployment.apps/web"
    assert shown.stop() == 130


def test_a_watch_goes_on_when_it_is_learned_which_cluster_it_is(tmp_path, kubeconfig, watch):
    merge(tmp_path, recording(), cluster=read_context([kubeconfig]).cluster)
    shown = watch("-w", "-o", "name", "--kubeconfig", str(kubeconfig))
    assert shown.line() == "deployment.apps/web"
    learn(tmp_path, kubeconfig, "uid")
    merge(tmp_path, recording(DB), cluster="uid")
    assert shown.line() == "statefulset.apps/db"
    assert shown.stop() == 130
    assert shown.rest() == []


def test_watch_only_leaves_out_what_is_there_already(tmp_path, watch):
    merge(tmp_path, recording())
    shown = watch("--watch-only", "-o", "yaml")
    assert shown.note().startswith("note: deployment/web")
    merge(tmp_path, recording(DB))
    assert shown.line() == "apiVersion: spdx.softwarecomposition.kubescape.io/v1beta1"
    assert any(" name: statefulset-db" in shown.line() for _ in range(40))
    assert shown.stop() == 130


def test_a_named_workload_that_is_not_recorded_is_an_error(tmp_path, watch):
    merge(tmp_path, recording())
    shown = watch("deploy/none", "-w")
    assert shown.note().startswith("error: ")
    assert shown.process.wait(timeout=30) == 1


def test_the_stamp_changes_when_something_is_written_only(tmp_path):
    assert stamp(tmp_path) == ()
    merge(tmp_path, recording())
    before = stamp(tmp_path)
    assert before == stamp(tmp_path)
    merge(tmp_path, recording(workload=WEB, key=API, epoch="e2"))
    assert stamp(tmp_path) != before


def test_a_growing_table_keeps_its_columns():
    table = GrowingTable(("NAME", "PORT"))
    assert table.add([]) == ""
    assert table.add([("a", ""), ("longer", "1")]) == "NAME     PORT\na        <none>\nlonger   1\n"
    assert table.add([("b", "22")]) == "b        22\n"
    assert table.add([("\x1b[31mvery long", "3")]) == "\\x1b[31mvery long   3\n"


def test_a_growing_table_may_have_no_headers():
    assert GrowingTable(("NAME", "PORT"), with_headers=False).add([("a", "1")]) == "a   1\n"
