rule fit_final_probes:
    """Every probe on the trained network, and on the generalised one with the same labels."""
    input:
        unpack(generalised_of),
        dataset=dataset_of,
        labels=labels_of,
        checkpoints=f"{RUN}/checkpoints",
        code=code("fit_final_probes.py", "model", "final_probes"),
    output:
        final_probes=f"{RUN}/final_probes.csv",
        costs=f"{RUN}/costs.csv",
    log:
        "logs/fit_final_probes/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/fit_final_probes/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(planning.memory_mb, "fit_final_probes"),
        runtime=planned(planning.runtime_minutes, "fit_final_probes"),
        gpu=1,
    params:
        model=setting("model"),
        normalise=setting("normalise"),
        validation=setting("validation"),
        probes=setting("final_probes"),
    message:
        "Fitting all probes to {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/fit_final_probes.py"


rule contrast_batch_norm:
    """What reading a network in train mode, one image at a time, would have shown."""
    input:
        dataset=dataset_of,
        labels=labels_of,
        checkpoints=f"{RUN}/checkpoints",
        code=code("contrast_batch_norm.py", "model", "probes"),
    output:
        f"{RUN}/batch_norm.csv",
    log:
        "logs/contrast_batch_norm/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/contrast_batch_norm/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(planning.memory_mb, "contrast_batch_norm"),
        runtime=planned(planning.runtime_minutes, "contrast_batch_norm"),
        gpu=1,
    params:
        model=setting("model"),
        normalise=setting("normalise"),
        validation=setting("validation"),
        probes=setting("probes"),
    message:
        "Contrasting batch statistics of {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/contrast_batch_norm.py"
