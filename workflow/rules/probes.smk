"""Probes: fitted to the layers of every kept epoch, and of the last one."""


rule fit_probes:
    """Every probe on every layer at every kept epoch, fitted on observed and on true labels."""
    input:
        unpack(layers_of),
        dataset=dataset_of,
        labels=labels_of,
        checkpoints=f"{RUN}/checkpoints",
    output:
        probes=f"{RUN}/probes.csv",
    log:
        "logs/fit_probes/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/fit_probes/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(needed.memory_mb, "fit_probes"),
        runtime=planned(needed.runtime_minutes, "fit_probes"),
        gpu=1,
    params:
        **OF_RUN,
        code=code("fit_probes.py", "model", "probes"),
        probes=setting("probes"),
    message:
        "Fitting probes to {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/fit_probes.py"


rule fit_final_probes:
    """Every probe on the trained network, and on those beside it: untrained, level 0, level 1.

    Or on features, where nothing is trained.
    """
    input:
        unpack(network_of("checkpoints")),
        unpack(networks_beside),
        dataset=dataset_of,
        labels=labels_of,
    output:
        final_probes=f"{RUN}/final_probes.csv",
        costs=f"{RUN}/costs.csv",
        class_costs=f"{RUN}/class_costs.csv",
        predictions=f"{RUN}/predictions.h5",
    log:
        "logs/fit_final_probes/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/fit_final_probes/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(needed.memory_mb, "fit_final_probes"),
        runtime=planned(needed.runtime_minutes, "fit_final_probes"),
        gpu=1,
    params:
        **OF_RUN,
        code=code("fit_final_probes.py", "model", "final_probes"),
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
    output:
        f"{RUN}/batch_norm.csv",
    log:
        "logs/contrast_batch_norm/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/contrast_batch_norm/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(needed.memory_mb, "contrast_batch_norm"),
        runtime=planned(needed.runtime_minutes, "contrast_batch_norm"),
        gpu=1,
    params:
        **OF_TRAINING,
        code=code("contrast_batch_norm.py", "model", "probes"),
        probes=setting("probes"),
    message:
        "Contrasting batch statistics of {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/contrast_batch_norm.py"


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
        mem_mb=planned(needed.memory_mb, "measure_dynamics"),
        runtime=planned(needed.runtime_minutes, "measure_dynamics"),
        gpu=1,
    params:
        **OF_RUN,
        code=code("measure_dynamics.py", "model", "dynamics_probes"),
        probes=setting("dynamics_probes"),
        masc=setting("masc"),
    message:
        "Measuring the dynamics of {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/measure_dynamics.py"
