"""Networks edited so that they answer better, each beside its controls."""


rule transfer_weights:
    """The network with VeLPIC's vectors as its last layer, at every kept epoch."""
    input:
        unpack(layers_of),
        dataset=dataset_of,
        labels=labels_of,
        checkpoints=f"{RUN}/checkpoints",
    output:
        transfer=f"{RUN}/transfer.csv",
        transferred=f"{RUN}/transferred.safetensors",
    log:
        "logs/transfer_weights/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/transfer_weights/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(needed.memory_mb, "transfer_weights"),
        runtime=planned(needed.runtime_minutes, "transfer_weights"),
        gpu=1,
    params:
        **OF_RUN,
        code=code("transfer_weights.py", "model"),
    message:
        "Transferring weights in {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/transfer_weights.py"


rule intervene:
    """A run's last layer edited in mid-training, and trained on; controls beside it."""
    input:
        dataset=dataset_of,
        labels=labels_of,
        checkpoints=f"{RUN}/checkpoints",
    output:
        intervention=f"{RUN}/intervention.csv",
    log:
        "logs/intervene/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/intervene/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(needed.memory_mb, "intervene"),
        runtime=planned(needed.runtime_minutes, "intervene"),
        gpu=1,
    params:
        **OF_TRAINING,
        code=code("intervene.py", "model", "training", "intervention_probes"),
        probes=setting("intervention_probes"),
        training=setting("training"),
        seeds_of=setting("seeds_of"),
        epochs=setting("epochs"),
        streams=streams,
        intervention=setting("intervention"),
    message:
        "Intervening in {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/intervene.py"


rule relabel_and_retrain:
    """The memorised network, trained on with the labels that a probe reads out of it."""
    input:
        dataset=dataset_of,
        labels=labels_of,
        checkpoints=f"{RUN}/checkpoints",
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
        mem_mb=planned(needed.memory_mb, "relabel_and_retrain"),
        runtime=planned(needed.runtime_minutes, "relabel_and_retrain"),
        gpu=1,
    params:
        **OF_RUN,
        code=code("relabel_and_retrain.py", "model", "training", "relabel"),
        training=setting("training"),
        seeds_of=setting("seeds_of"),
        streams=streams,
        protocol=setting("protocol"),
        relabel=setting("relabel"),
    message:
        "Relabelling and retraining {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/relabel_and_retrain.py"


rule repair_model:
    """The last layer, of the network or cut at a hidden one, with which it answers best."""
    input:
        dataset=dataset_of,
        labels=labels_of,
        checkpoints=f"{RUN}/checkpoints",
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
        mem_mb=planned(needed.memory_mb, "repair_model"),
        runtime=planned(needed.runtime_minutes, "repair_model"),
        gpu=1,
    params:
        **OF_RUN,
        code=code("repair_model.py", "model", "repair_probes"),
        probes=setting("repair_probes"),
    message:
        "Repairing {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/repair_model.py"
