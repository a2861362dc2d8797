"""Compare the results with the published figures, wherever an experiment has a counterpart."""

from latentgen import published, summaries
from latentgen.job import job
from latentgen.storage import atomic_path, write_csv

with job(snakemake):
    params = snakemake.params
    comparison = published.compare(
        summaries.read_runs(snakemake.input.histories),
        summaries.read_runs(snakemake.input.final_probes),
        {
            experiment: published.Published.read(snakemake.input, counterpart)
            for experiment, counterpart in params.published.items()
            if counterpart
        },
        params.probes,
        params.tolerances,
    )
    write_csv(comparison, snakemake.output.csv)
    with atomic_path(snakemake.output.md) as partial:
        partial.write_text(published.to_markdown(comparison, params.tolerances))
