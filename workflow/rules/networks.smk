"""Networks: trained, and their layers written."""


rule train:
    """One run, trained until it has memorised; a killed job goes on from its last kept epoch."""
    input:
        dataset=dataset_of,
        labels=labels_of,
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
        mem_mb=planned(needed.memory_mb, "train"),
        runtime=planned(needed.runtime_minutes, "train"),
        disk_mb=planned(needed.disk_mb, "train"),
        gpu=1,
    params:
        **OF_RUN,
        code=code("train.py", "model", "training"),
        training=setting("training"),
        seeds_of=setting("seeds_of"),
        epochs=setting("epochs"),
        streams=streams,
    message:
        "Training {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/train.py"


rule dump_activations:
    """Every layer's activations at every kept epoch, one HDF5 file an epoch."""
    input:
        dataset=dataset_of,
        labels=labels_of,
        checkpoints=f"{RUN}/checkpoints",
    output:
        activations=directory(f"{RUN}/activations"),
    log:
        "logs/dump_activations/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/dump_activations/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(needed.memory_mb, "dump_activations"),
        runtime=planned(needed.runtime_minutes, "dump_activations"),
        disk_mb=planned(needed.disk_mb, "dump_activations"),
        gpu=1,
    params:
        **OF_RUN,
        code=code("dump_activations.py", "model"),
        activations=setting("activations"),
    message:
        "Dumping activations of {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/dump_activations.py"
