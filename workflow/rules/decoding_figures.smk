rule plot_baselines:
    """Every kind of probe at each layer of the trained network."""
    input:
        **PUBLISHED_TABLES,
        histories=of_experiment("history.csv"),
        final_probes=of_experiment("final_probes.csv"),
        code=code("plot_baselines.py"),
    output:
        **figure("decoding", "baselines"),
    log:
        "logs/plot_baselines/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_baselines/{experiment}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        style=FIGURE_STYLE,
        probes=setting("final_probes"),
        published=setting("published"),
    message:
        "Drawing all probes by layer, {wildcards.experiment}"
    script:
        "../scripts/plot_baselines.py"


rule plot_subspaces:
    """The three subspace experiments: observed labels, true labels, generalised network."""
    input:
        histories=of_experiment("history.csv"),
        final_probes=of_experiment("final_probes.csv"),
        code=code("plot_subspaces.py"),
    output:
        **figure("decoding", "subspaces"),
    log:
        "logs/plot_subspaces/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_subspaces/{experiment}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        style=FIGURE_STYLE,
        probes=setting("final_probes"),
    message:
        "Drawing the subspace experiments, {wildcards.experiment}"
    script:
        "../scripts/plot_subspaces.py"


rule plot_sensitivity:
    """MASC under each of its settings."""
    input:
        histories=of_experiment("history.csv"),
        final_probes=of_experiment("final_probes.csv"),
        code=code("plot_sensitivity.py"),
    output:
        **figure("decoding", "sensitivity"),
    log:
        "logs/plot_sensitivity/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_sensitivity/{experiment}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        style=FIGURE_STYLE,
        probes=setting("final_probes"),
    message:
        "Drawing MASC's sensitivity, {wildcards.experiment}"
    script:
        "../scripts/plot_sensitivity.py"
