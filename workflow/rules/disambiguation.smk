"""Whether two labels of a picture come from two things or from one (arXiv 2410.19479)."""


rule disambiguate:
    """Scores, verdicts and counterfactual proofs for every pair of labels."""
    input:
        unpack(of_study),
        code=code("disambiguate.py"),
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
        unreadable=lambda wildcards: "results/disambiguation/pictures/{pictures}_skipped.csv".format(
            **STUDIES[wildcards.study]
        ),
        template=PAGE_TEMPLATE,
        code=code("draw_pair_sheets.py"),
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
        style=FIGURE_STYLE,
        study=lambda wildcards: STUDIES[wildcards.study],
    message:
        "Drawing the sheets of {wildcards.study}"
    script:
        "../scripts/draw_pair_sheets.py"
