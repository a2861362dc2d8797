rule tabulate_accuracy:
    """What the model and the probes know at the last epoch, for every run of the suite."""
    input:
        histories=of_runs(SUITE, "history.csv"),
        probes=of_runs(SUITE, "probes.csv"),
        code=code("tabulate_accuracy.py"),
    output:
        csv="results/tables/accuracy.csv",
        md="results/tables/accuracy.md",
    log:
        "logs/tabulate_accuracy.log",
    benchmark:
        "results/benchmarks/tabulate_accuracy.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    message:
        "Tabulating accuracies"
    script:
        "../scripts/tabulate_accuracy.py"
