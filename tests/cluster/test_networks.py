"""A cluster's network is chosen by words, which are kept while it runs. No cluster is needed for these."""

from __future__ import annotations

import pytest

from .networks import choose, words
from .processes import ClusterError


@pytest.mark.parametrize("said", ["calico iptables", "calico nftables", "cilium"])
def test_the_words_of_a_network_choose_it_again(said: str) -> None:
    network = choose(*said.split())
    assert words(network) == said
    assert choose(*words(network).split()) == network


def test_kube_proxy_works_by_iptables_unless_told_otherwise() -> None:
    assert choose("calico") == choose("calico", "iptables") != choose("calico", "nftables")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (("cilium", "iptables"), "--proxy-mode iptables is kube-proxy's, and with Cilium there is no kube-proxy"),
        (("calico", "ipvs"), "kube-proxy has no mode ipvs: iptables or nftables"),
        (("flannel",), "there is no network flannel: calico or cilium"),
    ],
)
def test_what_does_not_go_together_is_refused(said: tuple[str, ...], why: str) -> None:
    with pytest.raises(ClusterError) as caught:
        choose(*said)
    assert str(caught.value) == why
