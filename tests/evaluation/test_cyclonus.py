"""Thousands of random cases, judged by ours and by cyclonus. EVALUATION_SEED repeats a run."""

from __future__ import annotations

import os
import random
import secrets
from collections import Counter
from pathlib import Path

import pytest

from kubectl_netpol.model import Direction
from kubectl_netpol.policy.evaluation.evaluate import Evaluator
from kubectl_netpol.policy.evaluation.reading import read_policy
from tests.cluster.build import building

from .cases import random_flows, random_policies, random_world
from .cyclonus import MODULE, ask, askable

WORLDS, FLOWS = 50, 100


@pytest.fixture(scope="session")
def cyclonus() -> None:
    with building():
        MODULE.build()


@pytest.mark.go
def test_ours_and_cyclonus_say_the_same_of_thousands_of_random_flows(cyclonus: None, tmp_path: Path) -> None:
    seed = os.environ.get("EVALUATION_SEED") or secrets.token_hex(4)
    print(f"EVALUATION_SEED={seed}")
    chance, said = random.Random(seed), Counter[tuple[Direction, bool]]()
    for _ in range(WORLDS):
        world = random_world(chance)
        policies = [askable(one) for one in random_policies(chance, world, chance.randint(1, 6))]
        flows = random_flows(chance, world, FLOWS)
        evaluator = Evaluator([read_policy(policy) for policy in policies])
        answers = ask(tmp_path, policies, flows)
        assert len(answers) == len(flows)
        for flow, answer in zip(flows, answers, strict=True):
            ours = evaluator.judge(flow)
            for side in (ours.egress, ours.ingress):
                said[side.direction, side.is_allowed] += 1
                assert side.is_allowed == answer[side.direction], (flow, side, policies)
    assert min(said.values()) > WORLDS * FLOWS / 20, f"too one-sided to mean much: {said}"
