rule train:
    """One run, trained until it has memorised; a killed job goes on from its last kept epoch."""
    input:
        dataset=dataset_of,
        labels=labels_of,
        code=code("train.py", "model"),
    output:
        checkpoints=directory(f"{RUN}/checkpoints"),
        history=f"{RUN}/history.csv",
    log:
        "logs/train/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/train/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(planning.memory_mb, "train"),
        runtime=planned(planning.runtime_minutes, "train"),
        disk_mb=planned(planning.disk_mb, "train"),
        gpu=1,
    params:
        model=setting("model"),
        training=setting("training"),
        epochs=setting("epochs"),
        normalise=setting("normalise"),
        validation=setting("validation"),
        streams=streams,
    message:
        "Training {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/train.py"
