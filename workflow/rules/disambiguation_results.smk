"""All disambiguations of the suite side by side."""


rule tabulate_disambiguations:
    """Verdicts against what is known, for every disambiguation of the suite."""
    input:
        pairs=of_studies("pairs.csv"),
        skipped=of_studies("skipped.csv"),
        unreadable=unreadable_of_studies(),
        code=code("tabulate_disambiguations.py"),
    output:
        **table("disambiguation"),
        confusion="results/tables/disambiguation_confusion.csv",
    log:
        "logs/tabulate_disambiguations.log",
    benchmark:
        "results/benchmarks/tabulate_disambiguations.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        studies={name: STUDIES[name] for name in SUITE_STUDIES},
    message:
        "Tabulating disambiguations"
    script:
        "../scripts/tabulate_disambiguations.py"


rule plot_disambiguation_scores:
    """How well each score tells two things from one, for every disambiguation of the suite."""
    input:
        pairs=of_studies("pairs.csv"),
        code=code("plot_disambiguations.py"),
    output:
        **figure("disambiguation", "disambiguation_scores", of_suite=True),
    log:
        "logs/plot_disambiguation_scores.log",
    benchmark:
        "results/benchmarks/plot_disambiguation_scores.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        figure="disambiguation_scores",
        style=FIGURE_STYLE,
        studies=SUITE_STUDIES,
    message:
        "Drawing scores of disambiguations"
    script:
        "../scripts/plot_disambiguations.py"


rule plot_verdicts_over_delta:
    """Accuracy and coverage of certificates at every threshold, for every disambiguation."""
    input:
        pairs=of_studies("pairs.csv"),
        code=code("plot_disambiguations.py"),
    output:
        **figure("disambiguation", "verdicts_over_delta", of_suite=True),
    log:
        "logs/plot_verdicts_over_delta.log",
    benchmark:
        "results/benchmarks/plot_verdicts_over_delta.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        figure="verdicts_over_delta",
        style=FIGURE_STYLE,
        studies=SUITE_STUDIES,
    message:
        "Drawing verdicts over delta"
    script:
        "../scripts/plot_disambiguations.py"
