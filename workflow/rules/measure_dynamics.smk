rule measure_dynamics:
    """More probes, the geometry of classes and other last layers at every kept epoch.

    Apart from `fit_probes` and `transfer_weights`, because it takes longer; all of it in one job,
    because all of it reads every layer at every epoch.
    """
    input:
        unpack(layers_of),
        dataset=dataset_of,
        labels=labels_of,
        checkpoints=f"{RUN}/checkpoints",
        code=code("measure_dynamics.py", "model", "dynamics_probes"),
    output:
        probes=f"{RUN}/dynamics_probes.csv",
        geometry=f"{RUN}/geometry.csv",
        quadratic=f"{RUN}/quadratic.csv",
        controls=f"{RUN}/transfer_controls.csv",
    log:
        "logs/measure_dynamics/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/measure_dynamics/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(planning.memory_mb, "measure_dynamics"),
        runtime=planned(planning.runtime_minutes, "measure_dynamics"),
        gpu=1,
    params:
        model=setting("model"),
        normalise=setting("normalise"),
        validation=setting("validation"),
        probes=setting("dynamics_probes"),
        masc=CONFIG.probes["masc"].model_dump(),
    message:
        "Measuring the dynamics of {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/measure_dynamics.py"
