rule tabulate_accuracy:
    """What the model and the probes know at the last epoch, for every run of the suite."""
    input:
        histories=of_runs(SUITE, "history.csv"),
        probes=of_runs(SUITE, "probes.csv"),
        code=code("tabulate_accuracy.py"),
    output:
        **table("accuracy"),
    log:
        "logs/tabulate_accuracy.log",
    benchmark:
        "results/benchmarks/tabulate_accuracy.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    message:
        "Tabulating accuracies"
    script:
        "../scripts/tabulate_accuracy.py"


rule tabulate_scoreboard:
    """Latent generalization for every experiment, level, probe and layer rule."""
    input:
        histories=of_runs(SUITE, "history.csv"),
        final_probes=of_runs(SUITE, "final_probes.csv"),
        code=code("tabulate_scoreboard.py"),
    output:
        **table("scoreboard"),
    log:
        "logs/tabulate_scoreboard.log",
    benchmark:
        "results/benchmarks/tabulate_scoreboard.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    message:
        "Tabulating the scoreboard"
    script:
        "../scripts/tabulate_scoreboard.py"


rule compare_published:
    """Ours beside the published figures, where an experiment has a counterpart."""
    input:
        **PUBLISHED_TABLES,
        histories=of_runs(SUITE, "history.csv"),
        final_probes=of_runs(SUITE, "final_probes.csv"),
        code=code("compare_published.py"),
    output:
        **table("published_comparison"),
    log:
        "logs/compare_published.log",
    benchmark:
        "results/benchmarks/compare_published.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        published={name: EXPERIMENTS[name]["published"] for name in SUITE},
        probes={name: EXPERIMENTS[name]["final_probes"] for name in SUITE},
        tolerances=CONFIG.tolerances.model_dump(),
    message:
        "Comparing with the published figures"
    script:
        "../scripts/compare_published.py"
