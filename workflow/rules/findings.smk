"""The findings of the suite, which the report opens with."""

HEADLINE = [
    f"results/figures/decoding/{name}/trained_and_untrained.png"
    for name in WITH_LEVELS[:1]
]


rule write_findings:
    """A table of what was found, and a page of it: the best probe, then every probe."""
    input:
        **({"scoreboard": "results/tables/scoreboard.csv"} if WITH_TRUTH else {}),
        **({"verdicts": "results/tables/disambiguation.csv"} if SUITE_STUDIES else {}),
        figures=HEADLINE,
    output:
        csv="results/findings.csv",
        html=report(
            "results/findings.html",
            caption="../report/findings.rst",
            category=FINDINGS,
            labels={"result": "findings", "kind": "page"},
        ),
    log:
        "logs/write_findings.log",
    benchmark:
        "results/benchmarks/write_findings.tsv"
    group:
        "figures"
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("write_findings.py"),
        suite=CONFIG.suite,
        settings={name: EXPERIMENTS[name] for name in MEMBERS},
    message:
        "Writing the findings of the suite"
    script:
        "../scripts/write_findings.py"
