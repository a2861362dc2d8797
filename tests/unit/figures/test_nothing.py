"""Empty results are results: every figure and table is made of zero rows, and says so in words."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from PIL import Image
from tests.conftest import REPOSITORY
from tests.workflow.columns import documented

from latentgen import registries
from latentgen.config.probe import usual_probes
from latentgen.csv_file import write_csv
from latentgen.drawing import panels, table_pages
from latentgen.drawing.pair_sheets import index_page

RUN = "runs/e/uniform-0.4/seed1"
FILES = {
    "histories": f"{RUN}/history.csv",
    "probes": f"{RUN}/probes.csv",
    "final_probes": f"{RUN}/final_probes.csv",
    "costs": f"{RUN}/costs.csv",
    "class_costs": f"{RUN}/class_costs.csv",
    "qualities": f"{RUN}/label_quality.csv",
    "relabels": f"{RUN}/relabel.csv",
    "contrasts": f"{RUN}/batch_norm.csv",
    "geometry": f"{RUN}/geometry.csv",
    "agreements": f"{RUN}/quadratic.csv",
    "transfers": f"{RUN}/transfer.csv",
    "controls": f"{RUN}/transfer_controls.csv",
    "interventions": f"{RUN}/intervention.csv",
    "repairs": f"{RUN}/repair.csv",
    "samples": f"{RUN}/label_issues.csv",
    "rates": f"{RUN}/noise_rates.csv",
    "mended": f"{RUN}/mending.csv",
    "pairs": "disambiguation/studies/s/pairs.csv",
    "skipped": "disambiguation/studies/s/skipped.csv",
    "unreadable": "disambiguation/images/p_skipped.csv",
}
"""Inputs of figures and tables that are lists of files."""

PUBLISHED = {"dataset": "MNIST", "model": "MLP"}
PROBES = {name: probe.model_dump() for name, probe in usual_probes().items()}
STUDY = {
    **dict.fromkeys(("images", "classifier", "segmenter", "masking_value"), "a"),
    "delta": 0.8,
    "attribution": {"method": "grad_cam"},
    "decide": {"distinct": 0.5, "single": 0.5},
}
PARAMS: dict[str, dict[str, Any]] = {
    "published_dynamics": {"tolerances": {"model": 0.02, "probe": 0.01}, "probes": {"e": PROBES}},
    "differences": {"difference": "masc_minus_probe"},
    "geometry": {"quantities": ["label_angle", "components_true"]},
    "robust": {"methods": {"e": {"plain": "e-plain", "gce": "e-gce"}}},
    "scoreboard": {"probes": {"e": PROBES}},
    "published_comparison": {
        "published": {"e": PUBLISHED},
        "probes": {"e": PROBES},
        "tolerances": {"model": 0.02, "probe": 0.01},
    },
}


class Files(SimpleNamespace):
    """A job's inputs, by attribute and by key as Snakemake has them."""

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def get(self, name: str, default: Any = None) -> Any:
        return getattr(self, name, default)


def columns_of(file: str) -> list[str]:
    (columns,) = [
        columns
        for pattern, columns in documented().items()
        if Path(file).match(pattern) and len(Path(file).parts) == len(Path(pattern).parts)
    ]
    return columns


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Files of results without a row, and the published tables as they are."""
    found: dict[str, Any] = {}
    for name, file in FILES.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        write_csv(pd.DataFrame(columns=columns_of(file)), tmp_path / file)
        found[name] = [str(tmp_path / file)]
    found["scoreboard"] = str(tmp_path / "scoreboard.csv")
    write_csv(pd.DataFrame(columns=columns_of("tables/scoreboard.csv")), found["scoreboard"])
    found["table"] = str(tmp_path / "table.csv")
    write_csv(pd.DataFrame(columns=columns_of("tables/label_issues.csv")), found["table"])
    found["confusion"] = str(tmp_path / "confusion.csv")
    write_csv(
        pd.DataFrame(columns=columns_of("tables/disambiguation_confusion.csv")), found["confusion"]
    )
    for table in (REPOSITORY / "workflow/resources/published").glob("*.csv"):
        found[table.stem] = str(table)
    found["published_model"] = found["model_accuracy_curves"]
    found["published_probes"] = found["probe_accuracy_curves"]
    return Files(**found)


def params(entry: str, **more: Any) -> SimpleNamespace:
    usual: dict[str, Any] = {"style": {"width": 5.0, "dpi": 50}, "studies": {"s": STUDY}}
    usual |= {"probes": PROBES, "published": PUBLISHED, "fit_labels": "observed"}
    return SimpleNamespace(**{**usual, **PARAMS.get(entry, {}), **more})


PUBLISHED_OF = {
    "splits_over_epochs": "model_accuracy_curves",
    "weight_transfer": "weight_transfer_curves",
    "transfer_controls": "weight_transfer_curves",
    "intervention": "intervention_curves",
    "costs": "probe_seconds",
}


@pytest.mark.parametrize("published", [None, PUBLISHED])
@pytest.mark.parametrize("entry", registries.names("latentgen.figures"))
def test_a_figure_of_nothing_says_so(
    files: Files, tmp_path: Path, entry: str, published: dict[str, str] | None
) -> None:
    files.published = files[PUBLISHED_OF.get(entry, "headline")]
    figure_of = registries.find("latentgen.figures", entry)
    figure, numbers = figure_of(files, params(entry, published=published))
    assert panels.NOTHING in [text.get_text() for text in figure.texts]
    out = {kind: str(tmp_path / f"figure.{kind}") for kind in ("pdf", "png", "csv")}
    panels.save(figure, numbers, out)
    read = pd.read_csv(out["csv"])
    assert read.empty
    assert len(read.columns) > 2
    with Image.open(out["png"]) as picture:
        assert min(picture.size) > 30


@pytest.mark.parametrize("entry", registries.names("latentgen.tables"))
def test_a_table_of_nothing_says_so(files: Files, tmp_path: Path, entry: str) -> None:
    table = registries.find("latentgen.tables", entry)(files, params(entry, published={"e": None}))
    out = {kind: str(tmp_path / f"table.{kind}") for kind in ("csv", "md", "html")}
    out |= {name: str(tmp_path / f"{name}.csv") for name in table.more}
    table_pages.save(table, out)
    for numbers, file in {"csv": "", **{name: f"_{name}" for name in table.more}}.items():
        read = pd.read_csv(out[numbers])
        named = {"disambiguation": {"_confusion": "_confusion"}, "peaks": {"_runs": "_by_run"}}
        named["label_issues"] = named["robust"] = {"_runs": "_by_run"}
        pattern = f"tables/{entry}{named.get(entry, {}).get(file, file)}.csv"
        assert list(read.columns) == columns_of(pattern)
    if entry == "disambiguation":
        assert "no pair of labels whose truth is known" in Path(out["md"]).read_text()
    else:
        assert table.numbers.empty
        assert table_pages.NOTHING in Path(out["md"]).read_text()
        assert table_pages.NOTHING in Path(out["html"]).read_text()


def test_studies_of_which_no_image_has_a_known_pair_say_so(files: Files) -> None:
    """As photos have none, and composites of a weak classifier: rows there are, but no rates."""
    pairs = pd.DataFrame({name: [0.5] for name in columns_of(FILES["pairs"])})
    text = {"truth": "", "part": "report", "verdict": "single", "verdict_published": "both"}
    write_csv(pairs.assign(**text), files.pairs[0])
    for entry in ("verdicts_over_delta", "disambiguation_scores"):
        figure, numbers = registries.find("latentgen.figures", entry)(files, params(entry))
        assert not numbers.empty
        assert panels.NOTHING in [text.get_text() for text in figure.texts]
    table = registries.find("latentgen.tables", "disambiguation")(files, params("disambiguation"))
    assert table.numbers["pairs"].tolist() == [0, 0]


def test_a_page_of_no_pairs_says_so(files: Files) -> None:
    template = (REPOSITORY / "workflow/resources/disambiguation.html.j2").read_text()
    pairs, skipped = pd.read_csv(files.pairs[0]), pd.read_csv(files.skipped[0])
    facts = {
        key: STUDY[key] for key in ("images", "classifier", "segmenter", "masking_value", "delta")
    }
    assert "no pair" in index_page(template, "s", pairs, skipped, facts).lower()
