rule dump_activations:
    """Every layer's activations at every kept epoch, one HDF5 file an epoch."""
    input:
        dataset=dataset_of,
        labels=labels_of,
        checkpoints=f"{RUN}/checkpoints",
        code=code("dump_activations.py", "model"),
    output:
        activations=directory(f"{RUN}/activations"),
    log:
        "logs/dump_activations/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/dump_activations/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(planning.memory_mb, "dump_activations"),
        runtime=planned(planning.runtime_minutes, "dump_activations"),
        disk_mb=planned(planning.disk_mb, "dump_activations"),
        gpu=1,
    params:
        model=setting("model"),
        normalise=setting("normalise"),
        validation=setting("validation"),
        activations=setting("activations"),
    message:
        "Dumping activations of {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/dump_activations.py"
