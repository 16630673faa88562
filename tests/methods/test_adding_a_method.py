"""The method in docs/adding-a-method.md keeps to the contract; another module is refused."""

import re
from pathlib import Path

import pytest
import torch

import mtnas.methods
from mtnas import methods
from mtnas.methods.parts.encoder import Encoder
from mtnas.methods.parts.model import Model
from mtnas.runtime.errors import ConfigError

GUIDE = Path(__file__).resolve().parents[2] / "docs/adding-a-method.md"
PLAIN = """
from torch import nn
from mtnas.config.options import MethodOptions as Options
from mtnas.methods.parts.sharing import RoutedSharing

class Sharing(nn.Module):
    pass
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(mtnas.methods, "__path__", [*mtnas.methods.__path__, str(tmp_path)])
    return tmp_path


def test_the_method_of_the_guide_is_a_method(folder):
    code = re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)[1]
    (folder / "two_bottoms.py").write_text(code)

    method = methods.load("two_bottoms")
    options = method.options(hidden_dim=8)
    model = Model(method, options, encoder=Encoder.of_numbers(5), num_tasks=3)

    assert model(torch.randn(7, 5)).shape == (7, 3)
    assert not (method.searches or model.has_gates or model.sharing.has_penalty)


def test_a_network_of_another_kind_is_refused(folder):
    (folder / "plain.py").write_text(PLAIN)
    with pytest.raises(ConfigError, match=r"plain.py: `Sharing` must be a `BaseSharing`"):
        methods.load("plain")
    (folder / "half.py").write_text(PLAIN.replace("nn.Module", "RoutedSharing"))
    with pytest.raises(ConfigError, match=r"half.py: .* `SearchedOptions`; this one has one"):
        methods.load("half")
