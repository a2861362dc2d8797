rule repair_model:
    """The last layer, of the network or cut at a hidden one, with which it answers best."""
    input:
        dataset=dataset_of,
        labels=labels_of,
        checkpoints=f"{RUN}/checkpoints",
        code=code("repair_model.py", "model"),
    output:
        model=f"{RUN}/repaired.safetensors",
        repair=f"{RUN}/repair.csv",
        candidates=f"{RUN}/repair_candidates.csv",
    log:
        "logs/repair_model/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/repair_model/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(planning.memory_mb, "repair_model"),
        runtime=planned(planning.runtime_minutes, "repair_model"),
        gpu=1,
    params:
        model=setting("model"),
        normalise=setting("normalise"),
        validation=setting("validation"),
        probes=setting("repair_probes"),
    message:
        "Repairing {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/repair_model.py"


rule tabulate_repair:
    """The networks before and after repair, and stopped early, for every run of the suite."""
    input:
        histories=of_runs(REPAIRED, "history.csv"),
        repairs=of_runs(REPAIRED, "repair.csv"),
        code=code("tabulate_repair.py"),
    output:
        **table("repair"),
    log:
        "logs/tabulate_repair.log",
    benchmark:
        "results/benchmarks/tabulate_repair.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    message:
        "Tabulating repairs"
    script:
        "../scripts/tabulate_repair.py"
