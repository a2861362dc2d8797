# The figure of the core with the probes of `dynamics_probes` in it.
use rule plot_accuracy_over_epochs as plot_probes_over_epochs with:
    input:
        histories=of_experiment("history.csv"),
        probes=experiment_probes_over_epochs,
        published=PUBLISHED_CURVES,
        code=code("plot_accuracy_over_epochs.py"),
    output:
        **figure("dynamics", "probes_over_epochs"),
    log:
        "logs/plot_probes_over_epochs/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_probes_over_epochs/{experiment}.tsv"


rule plot_probe_minus_model:
    """What each probe is ahead of its own run's model over epochs, on paired seeds."""
    input:
        histories=of_experiment("history.csv"),
        probes=experiment_probes_over_epochs,
        code=code("plot_differences.py"),
    output:
        **figure("dynamics", "probe_minus_model"),
    log:
        "logs/plot_probe_minus_model/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_probe_minus_model/{experiment}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        style=FIGURE_STYLE,
        difference="probe_minus_model",
    message:
        "Drawing differences over epochs, {wildcards.experiment}"
    script:
        "../scripts/plot_differences.py"


use rule plot_probe_minus_model as plot_masc_minus_probe with:
    output:
        **figure("dynamics", "masc_minus_probe"),
    log:
        "logs/plot_masc_minus_probe/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_masc_minus_probe/{experiment}.tsv"
    params:
        style=FIGURE_STYLE,
        difference="masc_minus_probe",


rule tabulate_peaks:
    """At which epochs the model and each probe generalise best, and how far apart these are."""
    input:
        histories=of_runs(SUITE, "history.csv"),
        probes=probes_over_epochs(SUITE),
        code=code("tabulate_peaks.py"),
    output:
        **table("peaks"),
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
