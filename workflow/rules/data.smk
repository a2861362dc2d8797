"""Datasets, and the labels that networks are trained on."""


rule prepare_dataset:
    """Images and true labels of a dataset as one file, checked, with an image of samples."""
    output:
        dataset="results/datasets/{dataset}.h5",
        samples="results/datasets/{dataset}.png",
    log:
        "logs/prepare_dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/prepare_dataset/{dataset}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=dataset_memory,
        runtime=60,
    params:
        code=lambda wildcards: code_of(
            "prepare_dataset.py", "datasets", DATASETS[wildcards.dataset]
        ),
        dataset=lambda wildcards: DATASETS[wildcards.dataset],
        external=external(CONFIG.datasets, "dataset"),
    message:
        "Preparing dataset {wildcards.dataset}"
    script:
        "../scripts/prepare_dataset.py"


rule shuffle_labels:
    """Observed labels of a dataset at one corruption level, the same for all models."""
    input:
        dataset="results/datasets/{dataset}.h5",
    output:
        "results/labels/{dataset}/{noise}/{draw}.h5",
    log:
        "logs/shuffle_labels/{dataset}/{noise}/{draw}.log",
    benchmark:
        "results/benchmarks/shuffle_labels/{dataset}/{noise}/{draw}.tsv"
    group:
        "labels"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=labels_memory,
        runtime=10,
    params:
        code=lambda wildcards: code_of(
            "shuffle_labels.py", "noise", own_noise(wildcards)
        ),
        confusion=lambda wildcards: CONFUSIONS[wildcards.dataset],
    message:
        "Shuffling labels of {wildcards.dataset}, {wildcards.noise}, {wildcards.draw}"
    script:
        "../scripts/shuffle_labels.py"
