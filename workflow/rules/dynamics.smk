# The figure of the core with the probes of `dynamics_probes` in it.
use rule plot_accuracy_over_epochs as plot_probes_over_epochs with:
    input:
        histories=of_experiment("history.csv"),
        probes=experiment_probes_over_epochs,
        code=code("plot_accuracy_over_epochs.py"),
    output:
        multiext(
            "results/figures/dynamics/{experiment}/probes_over_epochs",
            pdf=".pdf",
            png=".png",
            csv=".csv",
        ),
    log:
        "logs/plot_probes_over_epochs/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_probes_over_epochs/{experiment}.tsv"


rule plot_differences:
    """Probe minus model, or MASC minus the other probes, over epochs on paired seeds."""
    input:
        histories=of_experiment("history.csv"),
        probes=experiment_probes_over_epochs,
        code=code("plot_differences.py"),
    output:
        multiext(
            "results/figures/dynamics/{experiment}/{difference}",
            pdf=".pdf",
            png=".png",
            csv=".csv",
        ),
    log:
        "logs/plot_differences/{experiment}/{difference}.log",
    benchmark:
        "results/benchmarks/plot_differences/{experiment}/{difference}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        style=FIGURE_STYLE,
    message:
        "Drawing {wildcards.difference}, {wildcards.experiment}"
    script:
        "../scripts/plot_differences.py"


rule tabulate_peaks:
    """At which epochs the model and each probe generalise best, and how far apart these are."""
    input:
        histories=of_runs(SUITE, "history.csv"),
        probes=probes_over_epochs(SUITE),
        code=code("tabulate_peaks.py"),
    output:
        csv="results/tables/peaks.csv",
        md="results/tables/peaks.md",
        runs="results/tables/peaks_by_run.csv",
    log:
        "logs/tabulate_peaks.log",
    benchmark:
        "results/benchmarks/tabulate_peaks.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    message:
        "Tabulating peaks"
    script:
        "../scripts/tabulate_peaks.py"
