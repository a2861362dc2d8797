rule transfer_weights:
    """The network with VeLPIC's vectors as its last layer, at every kept epoch."""
    input:
        unpack(layers_of),
        dataset=dataset_of,
        labels=labels_of,
        checkpoints=f"{RUN}/checkpoints",
        code=code("transfer_weights.py", "model"),
    output:
        transfer=f"{RUN}/transfer.csv",
        transferred=f"{RUN}/transferred.safetensors",
    log:
        "logs/transfer_weights/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/transfer_weights/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(planning.memory_mb, "transfer_weights"),
        runtime=planned(planning.runtime_minutes, "transfer_weights"),
        gpu=1,
    params:
        model=setting("model"),
        normalise=setting("normalise"),
        validation=setting("validation"),
    message:
        "Transferring weights in {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/transfer_weights.py"


rule plot_transfer_controls:
    """The network with every edit of its last layer, while it is trained."""
    input:
        published=published_table("weight_transfer"),
        transfers=of_experiment("transfer.csv"),
        controls=of_experiment("transfer_controls.csv"),
        code=code("plot_transfer_controls.py"),
    output:
        **figure("dynamics", "transfer_controls"),
    log:
        "logs/plot_transfer_controls/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_transfer_controls/{experiment}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        style=FIGURE_STYLE,
        published=setting("published"),
    message:
        "Drawing edits of the last layer, {wildcards.experiment}"
    script:
        "../scripts/plot_transfer_controls.py"
