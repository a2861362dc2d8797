def figures(paper, *names, experiments=SUITE):
    """Figures that every experiment of the suite has, each with the numbers drawn in it."""
    return expand(
        "results/figures/{paper}/{experiment}/{figure}.{format}",
        paper=paper,
        experiment=experiments,
        figure=names,
        format=["pdf", "png", "csv"],
    )


def tables(*names, of=SUITE):
    """Tables of the whole suite, to compute with and to read, unless there is nothing in it."""
    return expand(
        "results/tables/{table}.{format}",
        table=names if of else [],
        format=["csv", "md", "html"],
    )


def summary_figures(paper, *names, of=SUITE):
    """Figures of the whole suite, unless there is nothing in it."""
    return expand(
        "results/figures/{paper}/{figure}.{format}",
        paper=paper,
        figure=names if of else [],
        format=["pdf", "png", "csv"],
    )


CONTRASTED = [name for name in SUITE if EXPERIMENTS[name]["batch_norm_contrast"]]
MISLABELLED = [name for name in SUITE if max(EXPERIMENTS[name]["noise"]["levels"]) > 0]
REPAIRED = [name for name in SUITE if EXPERIMENTS[name]["validation"] > 0]
SHEETS = [name for name in SUITE_STUDIES if STUDIES[name]["sheets"]]
TARGETS = {
    "core": figures("decoding", "accuracy_by_layer")
    + figures("dynamics", "accuracy_over_epochs", "weight_transfer")
    + tables("accuracy"),
    "decoding": figures(
        "decoding",
        "accuracy_by_layer",
        "baselines",
        "subspaces",
        "sensitivity",
        "costs",
    )
    + figures("decoding", "relabelling", experiments=MISLABELLED)
    + figures("decoding", "batch_norm", experiments=CONTRASTED)
    + summary_figures("decoding", "scoreboard")
    + tables("accuracy", "scoreboard", "published_comparison"),
    "dynamics": figures(
        "dynamics",
        "probes_over_epochs",
        "probe_minus_model",
        "masc_minus_probe",
        "geometry",
        "components",
        "quadratic",
        "weight_transfer",
        "transfer_controls",
        "intervention",
        "intervention_probes",
    )
    + of_runs(SUITE, "transferred.safetensors")
    + of_runs(REPAIRED, "repaired.safetensors")
    + tables("peaks", *(["repair"] if REPAIRED else [])),
    "disambiguation": expand("results/figures/disambiguation/{study}", study=SHEETS)
    + summary_figures(
        "disambiguation",
        "disambiguation_scores",
        "verdicts_over_delta",
        of=SUITE_STUDIES,
    )
    + tables("disambiguation", of=SUITE_STUDIES),
}


def list_figures():
    """Say where to look, once everything is there."""
    pictures = {f for files in TARGETS.values() for f in files if f.endswith(".png")}
    drawn = sorted(picture for picture in pictures if Path(picture).exists())
    logger.info(
        "\n".join(["Figures (each also as .pdf, its numbers as .csv):", *drawn])
    )
