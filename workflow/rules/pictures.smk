"""What disambiguation starts from: pictures, their segments, a network that labels canvases."""


rule draw_pictures:
    """Pictures to look at, from a dataset or a folder, with what is known about them."""
    input:
        unpack(canvas_dataset),
        code=code("draw_pictures.py"),
    output:
        pictures="results/disambiguation/pictures/{pictures}.h5",
        skipped="results/disambiguation/pictures/{pictures}_skipped.csv",
    log:
        "logs/draw_pictures/{pictures}.log",
    benchmark:
        "results/benchmarks/draw_pictures/{pictures}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        pictures=lambda wildcards: PICTURES[wildcards.pictures],
    message:
        "Drawing pictures {wildcards.pictures}"
    script:
        "../scripts/draw_pictures.py"


rule train_canvas_net:
    """The small network that labels canvases of digits."""
    input:
        dataset=lambda wildcards: "results/datasets/{dataset}.h5".format(
            **TRAININGS[wildcards.classifier]["training"]
        ),
        code=code("train_canvas_net.py"),
    output:
        TRAINED,
    log:
        "logs/train_canvas_net/{classifier}.log",
    benchmark:
        "results/benchmarks/train_canvas_net/{classifier}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
        gpu=1,
    params:
        settings=lambda wildcards: TRAININGS[wildcards.classifier],
    message:
        "Training {wildcards.classifier}"
    script:
        "../scripts/train_canvas_net.py"


rule segment_pictures:
    """Segments of every picture, found once for all classifiers and thresholds."""
    input:
        pictures="results/disambiguation/pictures/{pictures}.h5",
        code=code("segment_pictures.py"),
    output:
        "results/disambiguation/segments/{pictures}/{segmenter}.h5",
    log:
        "logs/segment_pictures/{pictures}/{segmenter}.log",
    benchmark:
        "results/benchmarks/segment_pictures/{pictures}/{segmenter}.tsv"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=8000,
        runtime=600,
        gpu=1,
    params:
        segmenter=lambda wildcards: SEGMENTERS[wildcards.segmenter],
    message:
        "Segmenting {wildcards.pictures} by {wildcards.segmenter}"
    script:
        "../scripts/segment_pictures.py"
