"""The course of a search beside what the same search does on pure noise."""

import matplotlib.pyplot as plt
import pytest

from mtnas.report.exhibits.search_curves import SearchCurves, curves_figure, is_noise
from mtnas.report.names import Names
from mtnas.report.searched import course, read_searches
from mtnas.routes.named import full_sharing
from mtnas.routes.space import SearchSpace
from mtnas.study.plan import plan_of
from tests.helpers.searches import edit_search, write_search
from tests.helpers.studies import study

SPACE = SearchSpace(num_layers=1, num_subnets=2, num_tasks=2)
NOISE = {"mtnas": {"noise": {"search": {"permuted": True}}}}


def file(folder, variant, entropy, change=lambda record: None, **more):
    curve = {"step": [1, 2], "reward": [0.5, 0.5], "entropy": [entropy, entropy]}
    route = full_sharing(SPACE)
    path = write_search(
        folder / f"{variant}.json", {0: route, 1: route}, variant=variant,
        more={"curve": curve, **more},
    )  # fmt: skip
    edit_search(path, change)
    return path


def drawn(*paths):
    figure = curves_figure(course(read_searches(paths, Names())))
    texts = [text.get_text() for text in figure.texts]
    curves = [line for axes in figure.axes for line in axes.lines if line.get_color() == "black"]
    plt.close(figure)
    return len(figure.axes), " ".join(texts), curves


def test_noise_is_a_line_beside_the_search_and_no_panel_of_its_own(tmp_path):
    blind = read_searches([file(tmp_path, "x", 1.0)], Names())[0].uniform_entropy
    told = file(tmp_path, "paper", 0.5 * blind)
    noise = file(
        tmp_path, "noise", 0.8 * blind, lambda r: r["spec"]["search"].update(permuted=True)
    )

    panels, text, (line,) = drawn(told, noise)

    assert panels == 2  # reward and entropy of one search
    assert "50% of the entropy is left, on pure noise 80%" in text
    assert line.get_ydata().tolist() == pytest.approx([80, 80])


def test_longer_noise_is_told_of_the_last_step_of_the_search(tmp_path):
    blind = read_searches([file(tmp_path, "x", 1.0)], Names())[0].uniform_entropy
    told = file(tmp_path, "paper", 0.5 * blind)
    longer = {"step": [1, 2, 3], "reward": [0.5] * 3, "entropy": [0.9 * blind, 0.8 * blind, 0]}

    def noise(record):
        record["spec"]["search"].update(permuted=True)
        for found in record["seeds"].values():
            found["curve"] = longer

    _, text, (line,) = drawn(told, file(tmp_path, "noise", 0, noise))
    assert "on pure noise 80%" in text
    assert line.get_xdata().tolist() == [1, 2]


def test_without_noise_all_is_as_before(tmp_path):
    panels, text, curves = drawn(file(tmp_path, "paper", 0.1))
    assert (panels, curves) == (2, [])
    assert not {"noise", "converged"} & set(text.replace(":", " ").split())


def test_it_says_how_many_seeds_converged(tmp_path):
    def half(record):
        record["spec"]["search"].update(until="route")
        del record["seeds"]["1"]["converged"]

    _, text, _ = drawn(file(tmp_path, "paper", 0.1, half, converged=7))
    assert "converged: 1 of 2 seeds" in text


def test_noise_of_any_experiment_is_shown_with_the_searches_of_the_main_one():
    experiments = {
        "main": {"methods": ["mtnas"]},
        "noise": {"methods": ["mtnas"], "variants": {"mtnas": ["noise"]}},
    }
    plan = plan_of(study(variants=NOISE, experiments=experiments))
    searches = SearchCurves().needs(plan)["search_curves"].searches
    assert [variant for *_, variant in searches] == ["paper", "noise"]
    assert [is_noise(plan, run) for run in searches] == [False, True]
