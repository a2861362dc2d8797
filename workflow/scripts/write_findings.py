"""Write the findings of the suite: a table, and a page that shows it."""

from latentgen.jobs.around.job import job
from latentgen.config.yaml_text import to_yaml
from latentgen.csv_file import write_csv
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.jobs.findings_page import findings, html_page, read
from latentgen.storage import atomic_path

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake("write_findings")

with job(snakemake):
    files, params = snakemake.input, snakemake.params
    found = findings(read(files.get("scoreboard")))
    verdicts = read(files.get("verdicts"))
    text = html_page(params.suite, found, verdicts, files.figures, to_yaml(params.settings))
    write_csv(found, snakemake.output.csv)
    with atomic_path(snakemake.output.html) as partial:
        partial.write_text(text, encoding="utf-8")
