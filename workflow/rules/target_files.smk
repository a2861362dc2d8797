"""The files of each target: each paper's figures and tables, the core of them, and all."""

CORE_FIGURES = (
    "decoding/trained_and_untrained",
    "decoding/accuracy_by_layer",
    "dynamics/accuracy_over_epochs",
    "dynamics/weight_transfer",
)
SHEETS = [name for name in SUITE_STUDIES if STUDIES[name]["sheets"]]


def figures_of(*places):
    """The files of figures: of every experiment that has them, and of the suite."""
    of_experiments = [
        f"{paper}/{experiment}/{name}"
        for paper, name in (
            place.split("/") for place in places if place in EXPERIMENT_FIGURES
        )
        for experiment in EXPERIMENT_FIGURES[f"{paper}/{name}"].get(
            "experiments", SUITE
        )
    ]
    of_suite = [
        place
        for place in places
        if place in SUITE_FIGURES and SUITE_FIGURES[place].get("of", SUITE)
    ]
    return expand(
        "results/figures/{figure}.{format}",
        figure=[*of_experiments, *of_suite],
        format=["pdf", "png", "csv"],
    )


def tables_of(target):
    """The files of a target's tables, to compute with and to read."""
    named = [
        name
        for name, spec in TABLES.items()
        if spec["target"] == target and spec.get("of", SUITE)
    ]
    return expand(
        "results/tables/{table}.{format}", table=named, format=["csv", "md", "html"]
    )


def everything_about(target):
    """All figures and tables that answer a paper's."""
    places = [
        place
        for place in (*EXPERIMENT_FIGURES, *SUITE_FIGURES)
        if place.startswith(target)
    ]
    return figures_of(*places) + tables_of(target)


def label_issues_of(experiments):
    """The pages of pictures of some experiments, and what is known of the whole suite."""
    pictured = [name for name in experiments if EXPERIMENTS[name]["model"]]
    return everything_about("label_issues") + of_first_seeds(
        pictured, "label_issues.html", above=0
    )


TARGETS = {
    "core": figures_of(*CORE_FIGURES)
    + (
        expand("results/tables/accuracy.{format}", format=["csv", "md", "html"])
        if SUITE
        else []
    )
    + (label_issues_of(WITHOUT_TRUTH) if WITHOUT_TRUTH else [])
    + (
        expand("results/tables/scoreboard.{format}", format=["csv", "md", "html"])
        if FEATURES
        else []
    ),
    "decoding": everything_about("decoding"),
    "dynamics": everything_about("dynamics")
    + of_runs(SUITE, "transferred.safetensors")
    + of_runs(REPAIRED, "repaired.safetensors"),
    "robust": everything_about("robust"),
    "label_issues": label_issues_of(SEARCHED),
    "disambiguation": everything_about("disambiguation")
    + expand("results/figures/disambiguation/{study}", study=SHEETS),
    "findings": (
        ["results/findings.csv", "results/findings.html"]
        if WITH_TRUTH or SUITE_STUDIES
        else []
    ),
}


def list_figures():
    """Say where to look, once everything is there."""
    pictures = {f for files in TARGETS.values() for f in files if f.endswith(".png")}
    drawn = sorted(picture for picture in pictures if Path(picture).exists())
    logger.info(
        "\n".join(["Figures (each also as .pdf, its numbers as .csv):", *drawn])
    )
