"""Compare the results with the published figures, wherever an experiment has a counterpart."""

from latentgen.jobs.job import job
from latentgen.analysis import published, table_pages
from latentgen.analysis.runs import read_runs

with job(snakemake):
    params = snakemake.params
    comparison = published.compare(
        read_runs(snakemake.input.histories),
        read_runs(snakemake.input.final_probes),
        {
            experiment: published.Published.read(snakemake.input, counterpart)
            for experiment, counterpart in params.published.items()
            if counterpart
        },
        params.probes,
        params.tolerances,
    )
    markdown = published.to_markdown(comparison, params.tolerances)
    table_pages.save(comparison, markdown, snakemake.output, "Ours and the published figures")
