rule relabel_and_retrain:
    """The memorised network, trained on with the labels that a probe reads out of it."""
    input:
        dataset=dataset_of,
        labels=labels_of,
        checkpoints=f"{RUN}/checkpoints",
        code=code("relabel_and_retrain.py", "model", "relabel"),
    output:
        relabel=f"{RUN}/relabel.csv",
        quality=f"{RUN}/label_quality.csv",
    log:
        "logs/relabel_and_retrain/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/relabel_and_retrain/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(planning.memory_mb, "relabel_and_retrain"),
        runtime=planned(planning.runtime_minutes, "relabel_and_retrain"),
        gpu=1,
    params:
        model=setting("model"),
        normalise=setting("normalise"),
        validation=setting("validation"),
        training=setting("training"),
        streams=streams,
        protocol=setting("protocol"),
        relabel=setting("relabel"),
    message:
        "Relabelling and retraining {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/relabel_and_retrain.py"
