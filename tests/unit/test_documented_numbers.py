"""Numbers in README and the findings come from the committed tables."""

import re
import runpy
from itertools import product

import pandas as pd
from tests.conftest import REPOSITORY

from latentgen.disambiguation import evaluation

RESULTS = REPOSITORY / "docs" / "results"
README = (REPOSITORY / "README.md").read_text()
WORDS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight"}
GAIN = ["gain_over_controls", "gain_over_controls_bootstrap_low"]
GAIN += ["gain_over_controls_bootstrap_high"]


def decimals(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"[-+]?\d\.\d{3}", text)]


def evidence() -> pd.DataFrame:
    table = pd.read_csv(RESULTS / "evidence.csv")
    return table[table["probe"] == "best_probe"].set_index(["experiment", "level"])


def test_the_readme_quotes_the_evidence() -> None:
    table = evidence().round(3)
    cnn, mlp = (table.loc[(f"evidence-{name}", 0.4)] for name in ("cnn", "mlp"))
    expected = [*cnn[["model_accuracy", "probe_accuracy", "readout_gap", *GAIN]], *mlp[GAIN]]
    paragraph = README.split("At p = 0.4", 1)[1].split("[Findings]", 1)[0]
    assert decimals(paragraph) == expected
    assert set(table.loc[table.index.get_level_values("level") < 1, "seeds"]) == {8}
    assert "eight seeds" in paragraph


def test_the_tables_of_the_findings_are_made_from_the_committed_ones() -> None:
    made = runpy.run_path(str(REPOSITORY / "docs" / "tables.py"))
    page = made["PAGE"].read_text()
    assert made["with_tables"](page) == page
    assert page.count("<!-- table: ") == len(made["TABLES"])


def test_the_readme_compares_with_cleanlab_as_measured() -> None:
    table = pd.read_csv(RESULTS / "label_issue_methods.csv")
    chosen = table["variant"].isna() | (table["variant"] == "self_confidence, both")
    cases = table[chosen].pivot_table(index=["features", "noise"], columns="method", values="auroc")
    means = cases[["label_scores", "LR tuned"]].dropna().mean()
    sentence = README.split("mean AUROC of", 1)[1].split("(", 1)[0]
    assert decimals(sentence) == [round(mean, 3) for mean in means]


def test_the_table_of_photographs_follows_from_the_committed_pairs() -> None:
    pairs = pd.read_csv(RESULTS / "photos.csv")
    page = (RESULTS / "disambiguation.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `photos")]
    verdicts = ["verdict_published", "verdict"]
    expected = []
    for study, column in product(["photos", "photos-published"], verdicts):
        table = pairs[pairs["study"] == study]
        rates = evaluation.accuracy_and_coverage(table, table[column])
        balanced = evaluation.balanced_accuracy(table["truth"], table[column])
        expected.append([round(number, 3) for number in (*rates.values(), balanced)])
    assert [decimals(row) for row in rows] == expected


def test_costs_are_the_same_on_every_page() -> None:
    costs = pd.read_csv(REPOSITORY / "docs/reference/costs.csv").set_index("quantity")["value"]
    minutes = WORDS[int(costs["figures_minutes"])]
    tutorial, cluster, benchmarks = (
        (REPOSITORY / "docs" / page).read_text()
        for page in (
            "tutorials/first_experiment.md",
            "how-to/cluster.md",
            "reference/benchmarks.md",
        )
    )
    assert f"{minutes} minutes on two cores" in README
    assert f"{costs['environment_gb']:g} GB" in README
    assert f"about {minutes} minutes on\ntwo cores" in tutorial
    assert f"({costs['environment_gb']:g} GB, because of PyTorch)" in tutorial
    assert f"({costs['paper_runs']:g} runs)" in README
    assert f"{costs['paper_checkpoints_gb']:g} GB for suite `paper`" in cluster
    assert f"take {minutes} minutes on two cores" in benchmarks
    assert (
        f"{costs['figures_jobs']:g} jobs of {costs['figures_cpu_minutes']:g} CPU minutes"
        in benchmarks
    )


def test_ratios_of_the_benchmarks_are_the_committed_ones() -> None:
    measured = pd.read_csv(REPOSITORY / "docs/reference/benchmarks.csv")
    page = (REPOSITORY / "docs/reference/benchmarks.md").read_text()
    shown = re.findall(r"\*\*([\d.]+)\*\* \(([\d.]+) to ([\d.]+)\)", page)
    ratios = measured[["ratio", "lowest", "highest"]]
    assert shown == [tuple(f"{ratio:.2f}" for ratio in row) for row in ratios.to_numpy()]


def test_the_plan_of_ten_thousand_runs_is_the_committed_one() -> None:
    plans = pd.read_csv(REPOSITORY / "docs/reference/planning.csv")
    page = (REPOSITORY / "docs/reference/benchmarks.md").read_text()
    for plan in plans.itertuples():
        cells = [f"{plan.runs:,}", f"{plan.jobs:,}", f"{plan.files:,}", f"{plan.states:,}"]
        cells += [f"{plan.processor_seconds:.0f}", f"{plan.megabytes:,}"]
        assert f"| {' | '.join(cells)} |" in page
