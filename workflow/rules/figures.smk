rule plot_accuracy_by_layer:
    """Model, MASC and VeLPIC at each layer of the trained network, a panel for each level."""
    input:
        **PUBLISHED_TABLES,
        histories=of_experiment("history.csv"),
        probes=of_experiment("probes.csv"),
        code=code("plot_accuracy_by_layer.py"),
    output:
        **figure("decoding", "accuracy_by_layer"),
    log:
        "logs/plot_accuracy_by_layer/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_accuracy_by_layer/{experiment}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        style=FIGURE_STYLE,
        probes=setting("probes"),
        published=setting("published"),
    message:
        "Drawing accuracy by layer, {wildcards.experiment}"
    script:
        "../scripts/plot_accuracy_by_layer.py"


rule plot_accuracy_over_epochs:
    """Model, MASC and VeLPIC while the network is trained, a panel for each level and layer."""
    input:
        histories=of_experiment("history.csv"),
        probes=of_experiment("probes.csv"),
        published=PUBLISHED_CURVES,
        code=code("plot_accuracy_over_epochs.py"),
    output:
        **figure("dynamics", "accuracy_over_epochs"),
    log:
        "logs/plot_accuracy_over_epochs/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_accuracy_over_epochs/{experiment}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        style=FIGURE_STYLE,
        published=setting("published"),
    message:
        "Drawing accuracy over epochs, {wildcards.experiment}"
    script:
        "../scripts/plot_accuracy_over_epochs.py"


rule plot_weight_transfer:
    """The network with and without VeLPIC's vectors as its last layer, while it is trained."""
    input:
        transfers=of_experiment("transfer.csv"),
        code=code("plot_weight_transfer.py"),
    output:
        **figure("dynamics", "weight_transfer"),
    log:
        "logs/plot_weight_transfer/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_weight_transfer/{experiment}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        style=FIGURE_STYLE,
    message:
        "Drawing weight transfer, {wildcards.experiment}"
    script:
        "../scripts/plot_weight_transfer.py"
