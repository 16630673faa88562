"""The program of every method predicts what its run predicted."""

import numpy as np
import pytest
import torch

from mtnas.data.prepare.store import read_compact
from mtnas.export.folder import inputs_at, predict
from mtnas.export.program import program_of
from mtnas.export.trained import read_trained
from mtnas.runtime.errors import ConfigError, RecordError
from tests.helpers.exports import OPTIONS, TRAINED, predictions, trained_run

EXACT = {"dtype": "float64"}


def said(trained, seed):
    """Return what the program predicts for the test rows of a seed, and what the run did."""
    known = predictions(trained, seed)
    table = read_compact(trained.table, trained.data / "manifest.json")
    (route, *_) = trained.routes(seed)
    program = program_of(trained, seed, route)
    return predict(program, inputs_at(table.inputs, known.index.to_numpy())), known


@pytest.mark.parametrize("method", TRAINED)
def test_program_of_a_method_predicts_what_its_run_did(here, method):
    trained = trained_run("loans", method, training=EXACT)
    for seed in (3, 5):
        found, known = said(trained, seed)
        np.testing.assert_allclose(found, known, atol=1e-9)
    assert np.abs(found - said(trained, 3)[0][: len(found)]).max() > 1e-3


CHOSEN = [("loans", "task"), ("cities", "task"), ("cities", "source")]


@pytest.mark.parametrize(("dataset", "selection"), CHOSEN)
def test_every_task_has_the_weights_selected_for_it(here, dataset, selection):
    training = {**EXACT, "selection": selection, "epochs": 4}
    found, known = said(trained_run(dataset, "mmoe", "selected", training), 5)
    np.testing.assert_allclose(found, known, atol=1e-9)


@pytest.mark.parametrize("training", [{"alignment": "joint"}, {"embedding_per_task": True}])
def test_layers_and_tables_of_tasks_are_in_the_program(here, training):
    found, known = said(trained_run("loans", "share_bottom", "own", {**EXACT, **training}), 3)
    np.testing.assert_allclose(found, known, atol=1e-9)


@pytest.mark.parametrize("read", ["two", "apart"])
def test_a_program_reads_the_tables_that_its_route_chose(here, read):
    options = {**OPTIONS["mtnas"], "tables": "searched", "tables_read": read}
    trained = trained_run("loans", "mtnas", f"tables_{read}", EXACT, options=options)
    counts = trained.run.record.parameters
    for seed, (route, *_) in ((3, trained.routes(3)), (5, trained.routes(5))):
        found, known = said(trained, seed)
        np.testing.assert_allclose(found, known, atol=1e-9)
        share = len(route.tables) / len(route.space.table_names)
        assert counts.embedding_used[seed] == round(share * counts.embedding)


def test_an_unseen_value_and_a_missing_number_change_a_prediction_only_through_their_field(here):
    trained = trained_run("loans", "share_bottom", training=EXACT)
    program = program_of(trained, 3, None)
    table = read_compact(trained.table, trained.data / "manifest.json")
    ids, numbers, cover = inputs_at(table.inputs, np.arange(4))
    new = ids.clone()
    new[1, 0] = len(program.models[0].table) - 1
    before, after = (predict(program, [i, numbers, cover]) for i in (ids, new))
    assert (before[[0, 2, 3]] == after[[0, 2, 3]]).all()
    assert (before[1] != after[1]).all()
    with torch.no_grad():
        program.models[0].table[ids[1, 0]] = 0  # an unseen value counts as zero
    np.testing.assert_array_equal(predict(program, [ids, numbers, cover])[1], after[1])


def test_what_cannot_be_exported_is_refused(here):
    with pytest.raises(ConfigError, match="results/runs/none: no run.json; name the folder of a"):
        read_trained("results/runs/none")
    trained = trained_run("loans", "share_bottom", "changed")
    weights = trained.run.folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8] + bytes(8))
    with pytest.raises(RecordError, match="model.safetensors: was changed after it was written"):
        trained.weights(3)
