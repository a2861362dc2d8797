"""Probes, peaks and geometry over training, end to end on a tiny experiment."""

import pandas as pd
import pytest
from tests.conftest import Workspace
from tests.workflow.columns import not_as_documented

pytestmark = pytest.mark.slow

FIGURES = [
    "probes_over_epochs",
    "probe_minus_model",
    "masc_minus_probe",
    "velpic_minus_probe",
    "true_labels_over_epochs",
    "splits_over_epochs",
    "geometry",
    "components",
    "quadratic",
]
RUN = "results/runs/tiny/uniform-0.4/seed1"


def test_what_is_measured_over_training(finished: Workspace) -> None:
    wanted = [f"results/figures/dynamics/tiny/{name}.png" for name in FIGURES]
    wanted += [f"results/tables/{name}.md" for name in ("peaks", "published_dynamics")]
    finished.run(*wanted)
    assert finished.planned(*wanted) == {}
    assert not_as_documented(finished.folder / "results") == []

    def read(name: str) -> pd.DataFrame:
        return pd.read_csv(finished.folder / name)

    probes = read(f"{RUN}/dynamics_probes.csv")
    assert set(probes["probe"]) == {"logistic_regression"}
    assert set(probes["epoch"]) == {0, 1, 2, 3}
    assert set(probes["fit_labels"]) == {"observed", "true"}

    geometry = read(f"{RUN}/geometry.csv")
    assert len(geometry) == (3 + 2 + 2 + 2) * 10  # the input layer is read once
    assert geometry["head_angle"].notna().groupby(geometry["layer"]).mean().to_dict() == {
        "fc1": 0,
        "fc2": 1,
        "input": 0,
    }
    shares = ["share_observed", "share_observed_test", "share_true", "share_true_test"]
    assert geometry[shares].stack().between(0, 1).all()
    # What the probes over training say, too, is their mean over classes.
    masc = read(f"{RUN}/probes.csv")
    masc = masc[(masc["probe"] == "masc") & (masc["split"] == "test")]
    kept = masc.set_index(["epoch", "layer", "fit_labels"])["n_components"].unstack()
    means = geometry.groupby(["epoch", "layer"])[["components_observed", "components_true"]].mean()
    assert kept["observed"].to_dict() == pytest.approx(means["components_observed"].to_dict())
    assert kept["true"].to_dict() == pytest.approx(means["components_true"].to_dict())

    quadratic = read(f"{RUN}/quadratic.csv")
    assert set(quadratic["layer"]) == {"input", "fc1", "fc2"}
    assert (quadratic.loc[quadratic["classifier"] == "quadratic", "agreement"] == 1).all()

    by_run = read("results/tables/peaks_by_run.csv")
    assert len(by_run) == 2 * 2 * 3  # levels, hidden layers, probes
    assert set(read("results/tables/peaks.csv")["probe"]) == {
        "masc",
        "velpic",
        "logistic_regression",
    }
