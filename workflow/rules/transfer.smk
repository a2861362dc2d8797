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
