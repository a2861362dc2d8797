"""Draw a figure: as PDF and PNG, and exactly the numbers drawn in it as CSV."""

from latentgen.jobs.around.job import files_of, job
from latentgen.drawing.facets import save
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.registries import find

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake("plot_accuracy_by_layer", experiment="mnist-14x14-cnn")

with job(snakemake):
    figure_of = find("latentgen.figures", snakemake.params.figure)
    figure, numbers = figure_of(files_of(snakemake), snakemake.params)
    save(figure, numbers, snakemake.output)
