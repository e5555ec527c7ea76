"""Rights as they are asked for and as the roles that grant them: the same ones."""

from __future__ import annotations

from typing import Any

from kubectl_netpol.cluster.rights import (
    roles_to_apply,
    roles_to_confirm,
    roles_to_record,
    to_apply,
    to_guard,
    to_record,
)


def granted(role: dict[str, Any]) -> set[tuple[str, str, str, str]]:
    namespace = role["metadata"].get("namespace", "")
    assert role["kind"] == ("Role" if namespace else "ClusterRole")
    return {
        (namespace, group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def wanted(rights: Any) -> set[tuple[str, str, str, str]]:
    return {
        (one.namespace, one.resource.group, "/".join(filter(None, (one.resource.plural, one.subresource))), one.verb)
        for one in rights
    }


def test_the_roles_grant_what_a_recording_asks_for_and_nothing_else() -> None:
    cluster_wide, within = roles_to_record("shop")
    assert granted(cluster_wide) | granted(within) == wanted(to_record("shop"))


def test_the_role_grants_what_applying_asks_for_and_nothing_else() -> None:
    (role,) = roles_to_apply("shop")
    assert granted(role) == wanted(to_apply("shop"))


def test_the_role_for_confirmed_applies_grants_that_and_what_the_guard_takes() -> None:
    (role,) = roles_to_confirm("shop")
    assert granted(role) == wanted((*to_apply("shop"), *to_guard("shop")))


def test_no_role_has_a_wildcard_or_reads_secrets() -> None:
    for role in (*roles_to_record("shop"), *roles_to_apply("shop"), *roles_to_confirm("shop")):
        assert all("*" not in one and "secrets" not in one for one in granted(role))
