rule intervene:
    """A run's last layer edited in mid-training, and trained on; controls beside it."""
    input:
        dataset=dataset_of,
        labels=labels_of,
        checkpoints=f"{RUN}/checkpoints",
        code=code("intervene.py", "model"),
    output:
        intervention=f"{RUN}/intervention.csv",
    log:
        "logs/intervene/{experiment}/{noise}/seed{seed}.log",
    benchmark:
        "results/benchmarks/intervene/{experiment}/{noise}/seed{seed}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=planned(planning.memory_mb, "intervene"),
        runtime=planned(planning.runtime_minutes, "intervene"),
        gpu=1,
    params:
        model=setting("model"),
        normalise=setting("normalise"),
        validation=setting("validation"),
        training=setting("training"),
        epochs=setting("epochs"),
        streams=streams,
        intervention=setting("intervention"),
    message:
        "Intervening in {wildcards.experiment}, {wildcards.noise}, seed {wildcards.seed}"
    script:
        "../scripts/intervene.py"


rule plot_intervention:
    """Test accuracy, and how much is memorised, after an edit in mid-training."""
    input:
        published=published_table("intervention"),
        interventions=of_experiment("intervention.csv"),
        code=code("plot_intervention.py"),
    output:
        **figure("dynamics", "intervention"),
    log:
        "logs/plot_intervention/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_intervention/{experiment}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        style=FIGURE_STYLE,
        published=setting("published"),
    message:
        "Drawing interventions, {wildcards.experiment}"
    script:
        "../scripts/plot_intervention.py"


rule plot_intervention_probes:
    """What probes of the penultimate layer know after an edit in mid-training."""
    input:
        interventions=of_experiment("intervention.csv"),
        code=code("plot_intervention_probes.py"),
    output:
        **figure("dynamics", "intervention_probes"),
    log:
        "logs/plot_intervention_probes/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_intervention_probes/{experiment}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        style=FIGURE_STYLE,
    message:
        "Drawing probes after interventions, {wildcards.experiment}"
    script:
        "../scripts/plot_intervention_probes.py"
