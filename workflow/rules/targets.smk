FIGURES = {
    "decoding": ["accuracy_by_layer"],
    "dynamics": ["accuracy_over_epochs", "weight_transfer"],
}
TABLES = ["results/tables/accuracy.csv", "results/tables/accuracy.md"]


def figures_of(paper):
    """The figures of a paper for every experiment of the suite."""
    return expand(
        "results/figures/{paper}/{experiment}/{figure}.{format}",
        paper=paper,
        experiment=SUITE,
        figure=FIGURES[paper],
        format=["pdf", "png", "csv"],
    )


def list_figures():
    """Say where to look, once everything is there."""
    pictures = [figure for paper in FIGURES for figure in figures_of(paper)]
    drawn = [
        picture
        for picture in pictures
        if picture.endswith(".png") and Path(picture).exists()
    ]
    logger.info(
        "\n".join(["Figures (each also as .pdf, its numbers as .csv):", *drawn])
    )
