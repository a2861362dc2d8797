"""Which training labels are wrong."""


rule find_label_issues:
    """Every method's score of every training label of a run."""
    input:
        unpack(network_of("checkpoints", "history.csv")),
        dataset=dataset_of,
        labels=labels_of,
    output:
        samples=f"{RUN}/label_issues.csv",
        rates=f"{RUN}/noise_rates.csv",
    log:
        "logs/find_label_issues/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/find_label_issues/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(needed.memory_mb, "find_label_issues"),
        runtime=planned(needed.runtime_minutes, "find_label_issues"),
        gpu=1,
    params:
        **OF_RUN,
        code=code("find_label_issues.py", "model"),
    message:
        "Finding label issues of {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/find_label_issues.py"


rule show_label_issues:
    """A page to review the labels of a run that are most probably wrong."""
    input:
        dataset=dataset_of,
        samples=f"{RUN}/label_issues.csv",
        template=os.path.relpath(
            WORKFLOW / "scripts/latentgen/drawing/review_page.html"
        ),
    output:
        report(
            f"{RUN}/label_issues.html",
            caption="../report/label_issue_page.rst",
            category=PAPERS["label_issues"],
            labels={
                "result": "most suspect samples",
                "experiment": "{experiment} {noise} seed {seed}",
            },
        ),
    log:
        "logs/show_label_issues/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/show_label_issues/{experiment}/{noise}/seed{seed}.tsv"
    group:
        "figures"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("show_label_issues.py"),
    message:
        "Showing label issues of {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/show_label_issues.py"


rule retrain_on_cleaned_labels:
    """Retrain the network with suspect labels left out or replaced, and compare other ways."""
    input:
        dataset=dataset_of,
        labels=labels_of,
        checkpoints=f"{RUN}/checkpoints",
        samples=f"{RUN}/label_issues.csv",
    output:
        f"{RUN}/cleaned_labels.csv",
    log:
        "logs/retrain_on_cleaned_labels/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/retrain_on_cleaned_labels/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(needed.memory_mb, "retrain_on_cleaned_labels"),
        runtime=planned(needed.runtime_minutes, "retrain_on_cleaned_labels"),
        gpu=1,
    params:
        **OF_TRAINING,
        code=code("retrain_on_cleaned_labels.py", "model", "training"),
        training=setting("training"),
        seeds_of=setting("seeds_of"),
        streams=streams,
        limits=retraining_limits,
    message:
        "Retraining on cleaned labels of {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/retrain_on_cleaned_labels.py"
