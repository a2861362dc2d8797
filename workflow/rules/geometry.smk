rule plot_geometry:
    """Angles between components and what they explain over epochs, a line for each layer."""
    input:
        geometry=of_experiment("geometry.csv"),
        code=code("plot_geometry.py"),
    output:
        **figure("dynamics", "geometry"),
    log:
        "logs/plot_geometry/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_geometry/{experiment}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        style=FIGURE_STYLE,
        quantities=["label_angle", "head_angle", "share_observed", "share_true"],
    message:
        "Drawing the geometry of classes, {wildcards.experiment}"
    script:
        "../scripts/plot_geometry.py"


use rule plot_geometry as plot_components with:
    output:
        **figure("dynamics", "components"),
    log:
        "logs/plot_components/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_components/{experiment}.tsv"
    params:
        style=FIGURE_STYLE,
        quantities=["components_observed", "components_true"],


rule plot_quadratic:
    """How often quadratic forms and the best linear classifier decide as MASC does."""
    input:
        agreements=of_experiment("quadratic.csv"),
        code=code("plot_quadratic.py"),
    output:
        **figure("dynamics", "quadratic"),
    log:
        "logs/plot_quadratic/{experiment}.log",
    benchmark:
        "results/benchmarks/plot_quadratic/{experiment}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        style=FIGURE_STYLE,
    message:
        "Drawing quadratic forms, {wildcards.experiment}"
    script:
        "../scripts/plot_quadratic.py"
