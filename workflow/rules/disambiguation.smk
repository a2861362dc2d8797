"""Whether two labels of an image come from two things or from one (arXiv 2410.19479)."""


rule prepare_images:
    """Images to look at, from a dataset or a folder, with what is known about them."""
    input:
        unpack(composite_dataset),
    output:
        images="results/disambiguation/images/{images}.h5",
        skipped="results/disambiguation/images/{images}_skipped.csv",
    log:
        "logs/prepare_images/{images}.log",
    benchmark:
        "results/benchmarks/prepare_images/{images}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=code("prepare_images.py"),
        external=external(CONFIG.images, "images"),
        images=lambda wildcards: IMAGES[wildcards.images],
    message:
        "Drawing images {wildcards.images}"
    script:
        "../scripts/prepare_images.py"


rule train_composite_net:
    """The small network that labels composites of digits."""
    input:
        dataset=lambda wildcards: "results/datasets/{dataset}.h5".format(
            **TRAININGS[wildcards.classifier]["training"]
        ),
    output:
        TRAINED,
    log:
        "logs/train_composite_net/{classifier}.log",
    benchmark:
        "results/benchmarks/train_composite_net/{classifier}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
        gpu=1,
    params:
        code=code("train_composite_net.py"),
        settings=lambda wildcards: TRAININGS[wildcards.classifier],
    message:
        "Training {wildcards.classifier}"
    script:
        "../scripts/train_composite_net.py"


rule segment_images:
    """Segments of every image, found once for all classifiers and thresholds."""
    input:
        images="results/disambiguation/images/{images}.h5",
    output:
        "results/disambiguation/segments/{images}/{segmenter}.h5",
    log:
        "logs/segment_images/{images}/{segmenter}.log",
    benchmark:
        "results/benchmarks/segment_images/{images}/{segmenter}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=8000,
        runtime=600,
        gpu=1,
    params:
        code=lambda wildcards: code_of(
            "segment_images.py", "segmenters", SEGMENTERS[wildcards.segmenter]
        ),
        external=external(CONFIG.segmenters, "segmenter"),
        segmenter=lambda wildcards: SEGMENTERS[wildcards.segmenter],
    message:
        "Segmenting {wildcards.images} by {wildcards.segmenter}"
    script:
        "../scripts/segment_images.py"


rule disambiguate:
    """Scores, verdicts and counterfactual proofs for every pair of labels."""
    input:
        unpack(of_study),
    output:
        pairs=f"{STUDY}/pairs.csv",
        curves=f"{STUDY}/curves.csv",
        skipped=f"{STUDY}/skipped.csv",
        proofs=directory(f"{STUDY}/proofs"),
    log:
        "logs/disambiguate/{study}.log",
    benchmark:
        "results/benchmarks/disambiguate/{study}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=4000,
        runtime=600,
        gpu=1,
    params:
        code=lambda wildcards: code_of(
            "disambiguate.py", "disambiguations", STUDIES[wildcards.study]
        ),
        external=external(CLASSIFIER_OF, "study"),
        study=lambda wildcards: STUDIES[wildcards.study],
    message:
        "Disambiguating {wildcards.study}"
    script:
        "../scripts/disambiguate.py"


rule draw_pair_sheets:
    """A sheet for every pair of labels, and a page that lists them."""
    input:
        unpack(of_study),
        unpack(results_of_study),
        unreadable=lambda wildcards: "results/disambiguation/images/{images}_skipped.csv".format(
            **STUDIES[wildcards.study]
        ),
    output:
        directory("results/figures/disambiguation/{study}"),
    log:
        "logs/draw_pair_sheets/{study}.log",
    benchmark:
        "results/benchmarks/draw_pair_sheets/{study}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        code=code("draw_pair_sheets.py"),
        external={"template": PAGE_TEMPLATE},
        style=FIGURE_STYLE,
        study=lambda wildcards: STUDIES[wildcards.study],
    message:
        "Drawing the sheets of {wildcards.study}"
    script:
        "../scripts/draw_pair_sheets.py"
