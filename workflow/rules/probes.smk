rule fit_probes:
    """Every probe on every layer at every kept epoch, fitted on observed and on true labels."""
    input:
        unpack(layers_of),
        dataset=dataset_of,
        labels=labels_of,
        checkpoints=f"{RUN}/checkpoints",
        code=code("fit_probes.py", "model", "probes"),
    output:
        probes=f"{RUN}/probes.csv",
    log:
        "logs/fit_probes/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/fit_probes/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(planning.memory_mb, "fit_probes"),
        runtime=planned(planning.runtime_minutes, "fit_probes"),
        gpu=1,
    params:
        model=setting("model"),
        normalise=setting("normalise"),
        validation=setting("validation"),
        probes=setting("probes"),
    message:
        "Fitting probes to {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/fit_probes.py"
