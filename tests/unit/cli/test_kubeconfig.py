"""What is read of a kubeconfig, which is YAML from anywhere."""

import base64

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_netpol.cli.connection import Connection
from kubectl_netpol.cli.kubeconfig import Context, find_files, read_context
from kubectl_netpol.cli.options import LOCAL_CONTEXT, current_context
from kubectl_netpol.cluster.trouble import ClusterError
from kubectl_netpol.errors import InputError, NetpolError

CA = base64.b64encode(b"certificate").decode()


def config(current="one", namespace="shop", server="https://10.0.0.1:6443", **cluster):
    context = {"cluster": "c", "user": "u"} | ({"namespace": namespace} if namespace else {})
    return {
        "current-context": current,
        "contexts": [{"name": "one", "context": context}],
        "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority-data": CA} | cluster}],
    }


def write(path, document):
    path.write_text(yaml.safe_dump(document))
    return path


def test_the_current_contexts_namespace_and_cluster_are_read(tmp_path):
    found = read_context([write(tmp_path / "a", config())])
    assert found.namespace == "shop"
    assert found.cluster.startswith("server-")
    assert read_context([write(tmp_path / "b", config(namespace=""))]) == Context("default", found.cluster)


def test_a_cluster_is_its_server_and_its_authority_whatever_it_is_called(tmp_path):
    (tmp_path / "ca.crt").write_bytes(b"certificate")
    by_file = config(**{"certificate-authority": "ca.crt", "certificate-authority-data": ""})
    same = {read_context([write(tmp_path / "a", document)]).cluster for document in (config(), by_file)}
    assert len(same) == 1
    other = base64.b64encode(b"other").decode()
    changes = ({"server": "https://10.0.0.2:6443"}, {"certificate-authority-data": other})
    assert len(same | {read_context([write(tmp_path / "a", config(**change))]).cluster for change in changes}) == 3


def test_of_several_files_the_first_wins(tmp_path):
    files = [write(tmp_path / "a", {"current-context": "one"}), write(tmp_path / "b", config(current="two"))]
    assert read_context(files).namespace == "shop"


def test_files_are_found_as_kubectl_finds_them(tmp_path):
    home = tmp_path / "home"
    (home / ".kube").mkdir(parents=True)
    kubeconfig = write(home / ".kube" / "config", config())
    one = write(tmp_path / "one", config())
    assert find_files({"HOME": str(home)}) == [kubeconfig]
    assert find_files({"HOME": str(home), "KUBECONFIG": f"{one}:{tmp_path}/none:"}) == [one]
    assert find_files({"HOME": str(tmp_path)}) == []
    assert find_files({}, "x")[0].name == "x"


def test_without_a_kubeconfig_the_recordings_are_this_machines(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    assert current_context(False, None, None) == LOCAL_CONTEXT
    assert current_context(True, None, None) == LOCAL_CONTEXT
    monkeypatch.setenv("KUBECONFIG", str(write(tmp_path / "a", config())))
    assert current_context(False, None, None).namespace == "shop"


def test_this_machines_recordings_are_those_of_the_current_contexts_namespace(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(write(tmp_path / "a", config())))
    assert current_context(True, None, None) == Context("shop", "local")
    # Its cluster is not asked for, so its certificate need not be readable.
    unreadable = config(**{"certificate-authority": "no", "certificate-authority-data": ""})
    assert current_context(True, str(write(tmp_path / "b", unreadable)), None) == Context("shop", "local")
    with pytest.raises(InputError, match="no context 'x'") as caught:
        current_context(True, None, "x")
    assert "-n" in caught.value.hint
    assert current_context(True, str(write(tmp_path / "c", {})), None) == LOCAL_CONTEXT


def test_a_context_that_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with pytest.raises(InputError, match="'x'"):
        current_context(False, None, "x")
    with pytest.raises(InputError, match="no context 'x'"):
        read_context([write(tmp_path / "a", config())], "x")
    with pytest.raises(InputError, match="no context 'gone'"):
        read_context([write(tmp_path / "a", config(current="gone"))])


@pytest.mark.parametrize(
    ("text", "context", "message"),
    [
        (yaml.safe_dump(config()), "nope", "the kubeconfig has no context 'nope'"),
        (yaml.safe_dump(config(current="gone")), None, "the kubeconfig has no context 'gone'"),
        ("a: 'b", None, "the kubeconfig {path} is not YAML"),
        ("- 1", None, "the kubeconfig {path} is not a kubeconfig"),
    ],
)
def test_what_asks_a_cluster_tells_of_it_in_the_same_words(tmp_path, text, context, message):
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(InputError) as read:
        read_context([path], context)
    with pytest.raises(ClusterError) as opened:
        Connection(str(path), context, None, None, None, (), 0.0, ()).open()
    assert read.value.message == opened.value.message == message.format(path=path)
    assert "--context" in opened.value.hint


@pytest.mark.parametrize(
    "text", ["[1", "- 1", "x", "a: &a [*a]", "!!python/object/apply:os.system [true]", "\0", "[" * 5000, "{a: b"]
)
def test_a_file_that_is_no_kubeconfig_is_told_in_one_line(tmp_path, text):
    (tmp_path / "a").write_text(text)
    try:
        assert read_context([tmp_path / "a"]) is None
    except InputError as error:
        assert "kubeconfig" in error.message
        assert error.hint


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_context([tmp_path / "none"])
    with pytest.raises(InputError, match="cannot be read"):
        read_context(
            [write(tmp_path / "a", config(**{"certificate-authority": "no", "certificate-authority-data": ""}))]
        )
    with pytest.raises(InputError, match="base64"):
        read_context([write(tmp_path / "a", config(**{"certificate-authority-data": "a"}))])


values = st.recursive(st.none() | st.text(max_size=3) | st.integers(), lambda one: st.lists(one, max_size=2))


@given(st.data(), values)
@settings(max_examples=100, deadline=None)
def test_a_kubeconfig_with_one_wrong_part_is_read_or_told(tmp_path_factory, data, planted):
    document = config()
    target = data.draw(
        st.sampled_from(
            [document, document["contexts"][0], document["clusters"][0], document["clusters"][0]["cluster"]]
        )
    )
    target[data.draw(st.sampled_from(sorted(target)))] = planted
    path = write(tmp_path_factory.mktemp("k") / "a", document)
    try:
        found = read_context([path])
    except NetpolError as error:
        assert error.hint
        return
    assert found is None or found.namespace
