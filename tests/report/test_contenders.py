"""The networks that ours is measured against do the work that they are said to do."""

import pytest
import torch

from benchmarks import torch_dense
from benchmarks.outcome import Settings
from benchmarks.suite import step
from benchmarks.work import EXPERTS, TASKS, make_work


def dense(network):
    return sum(p.numel() for n, p in network.named_parameters() if not n.startswith("table"))


def test_the_layout_of_adatt_is_as_large_as_mmoe():
    sizes = [dense(network(10)) for network in (torch_dense.MMoE, torch_dense.AdaTT)]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.03)


def test_a_task_of_adatt_reads_all_experts_by_its_gate_and_its_own_besides():
    level = torch_dense._Fusion(5, 3)
    x_TBI = torch.randn(TASKS, 4, 5)
    fused = level(x_TBI)
    h_TBNO = torch.baddbmm(level.bias_T1O, x_TBI, level.experts_TIO).relu().unflatten(-1, (-1, 3))
    experts = [h_TBNO[t, :, n] for t in range(TASKS) for n in range(EXPERTS // TASKS)]
    for t in range(TASKS):
        gate = (x_TBI[t] @ level.gates_TIE[t]).softmax(-1)
        expected = sum(gate[:, e, None] * expert for e, expert in enumerate(experts))
        expected = expected + h_TBNO[t].mean(1)  # at first all own ones count alike
        torch.testing.assert_close(fused[t], expected)


@pytest.mark.parametrize("network", ["mmoe", "adatt"])
def test_plain_networks_learn(network):
    train = torch_dense.build(make_work(1_500, steps=5), form="fused", network=network)
    first, *_, last = [train(number) for number in range(100)]
    assert last < first - 0.05


def test_jax_takes_the_steps_of_torchs_fused_adam():
    pytest.importorskip("optax")
    from benchmarks.peers import jax_peer

    work = make_work(1_500, steps=8)
    weights = jax_peer._drawn(work.num_rows)
    given = {name: torch.tensor(array.tolist()) for name, array in weights.items()}
    network = torch_dense.MMoE(work.num_rows)
    for name, tensor in network.state_dict().items():
        own = name.removesuffix(".weight").replace(".", "_")
        value = given[own]
        tensor.copy_(value.T if own in ("root", "experts", "gates") else value)
    theirs = jax_peer.build(work)
    adam = torch.optim.Adam(network.parameters(), lr=1e-3, weight_decay=5e-4, fused=True)
    for number in range(20):
        rows = work.batch(number)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            network(torch.from_numpy(work.ids[rows])), torch.from_numpy(work.labels[rows]),
            reduction="sum",
        ) / len(work.ids[rows])  # fmt: skip
        adam.zero_grad()
        loss.backward()
        adam.step()
        assert theirs(number) == pytest.approx(loss.item(), abs=2e-5)


def test_a_library_that_is_not_there_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(step.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(step.UnavailableError, match=r"optax, fbgemm not.*make benchmarks"):
        step.contenders(Settings(), 1)


def test_every_rival_is_a_contender(monkeypatch):
    monkeypatch.setattr(step, "_require_libraries", lambda: None)
    named = step.contenders(Settings(), 1)
    assert {name for group in step.RIVALS.values() for name in group} <= set(named)
