rule measure_geometry:
    """Where the classes' components lie at every kept epoch, and what MASC decides at the last."""
    input:
        unpack(layers_of),
        dataset=dataset_of,
        labels=labels_of,
        checkpoints=f"{RUN}/checkpoints",
        code=code("measure_geometry.py"),
    output:
        geometry=f"{RUN}/geometry.csv",
        quadratic=f"{RUN}/quadratic.csv",
    log:
        "logs/measure_geometry/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/measure_geometry/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(planning.memory_mb, "measure_geometry"),
        runtime=planned(planning.runtime_minutes, "measure_geometry"),
        gpu=1,
    params:
        model=setting("model"),
        normalise=setting("normalise"),
        validation=setting("validation"),
        masc=CONFIG.probes["masc"].model_dump(),
    message:
        "Measuring the geometry of {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/measure_geometry.py"
