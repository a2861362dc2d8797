rule plot_batch_norm:
    """The trained network beside what each image's own batch statistics would make of it."""
    input:
        histories=of_experiment("history.csv"),
        contrasts=of_experiment("batch_norm.csv"),
        code=code("plot_batch_norm.py"),
    output:
        **figure("decoding", "batch_norm"),
    log:
        "logs/plot_batch_norm/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_batch_norm/{experiment}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        style=FIGURE_STYLE,
    message:
        "Drawing the contrast of batch statistics, {wildcards.experiment}"
    script:
        "../scripts/plot_batch_norm.py"
