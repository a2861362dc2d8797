rule plot_costs:
    """What probes cost by layer width, measured and counted."""
    input:
        costs=of_experiment("costs.csv"),
        code=code("plot_costs.py"),
    output:
        **figure("decoding", "costs"),
    log:
        "logs/plot_costs/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_costs/{experiment}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        style=FIGURE_STYLE,
        probes=setting("final_probes"),
    message:
        "Drawing costs of probes, {wildcards.experiment}"
    script:
        "../scripts/plot_costs.py"


rule plot_relabelling:
    """The memorised network trained on with the labels that a probe reads out of it."""
    input:
        relabels=of_experiment("relabel.csv", above=0),
        code=code("plot_relabelling.py"),
    output:
        **figure("decoding", "relabelling"),
    log:
        "logs/plot_relabelling/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_relabelling/{experiment}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        style=FIGURE_STYLE,
    message:
        "Drawing relabelling, {wildcards.experiment}"
    script:
        "../scripts/plot_relabelling.py"


rule plot_scoreboard:
    """Latent generalization by corruption level, a panel for each experiment."""
    input:
        scoreboard="results/tables/scoreboard.csv",
        code=code("plot_scoreboard.py"),
    output:
        **figure("decoding", "scoreboard", of_suite=True, category=TABLES),
    log:
        "logs/plot_scoreboard.log",
    benchmark:
        "results/benchmarks/plot_scoreboard.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        style=FIGURE_STYLE,
        probes={name: EXPERIMENTS[name]["final_probes"] for name in SUITE},
    message:
        "Drawing the scoreboard"
    script:
        "../scripts/plot_scoreboard.py"
