"""The rules that draw figures; figure_inputs.smk lists them with their inputs."""

SUITE_FIGURES = {
    "decoding/scoreboard": {
        "input": {"scoreboard": "results/tables/scoreboard.csv"},
        "params": {
            "probes": {name: EXPERIMENTS[name]["final_probes"] for name in WITH_TRUTH}
        },
        "category": TABLES_AND_SCOREBOARD,
        "of": WITH_LEVELS,
    },
    "label_issues/label_issues": {
        "input": {"table": "results/tables/label_issues.csv"},
        "of": [*MISLABELLED, *NOISY_FEATURES],
    },
    "label_issues/cleaned_labels": {
        "input": {"cleaned": of_runs(RETRAINED, "cleaned_labels.csv", above=0)},
        "of": RETRAINED,
    },
    "disambiguation/disambiguation_scores": {
        "input": {"pairs": of_studies("pairs.csv")},
        "params": {"studies": SUITE_STUDIES},
        "of": SUITE_STUDIES,
    },
    "disambiguation/verdicts_over_delta": {
        "input": {"pairs": of_studies("pairs.csv")},
        "params": {"studies": SUITE_STUDIES},
        "of": SUITE_STUDIES,
    },
    "disambiguation/confusion": {
        "input": {"confusion": "results/tables/disambiguation_confusion.csv"},
        "of": SUITE_STUDIES,
    },
}
"""Figures of the whole suite, unless there is nothing in it."""


def figure_params(name, spec):
    """Params of a figure's rule: its entry in latentgen/figures, code and look, and its own."""
    entry = spec.get("figure", name)
    _, resources = split_resources(spec["input"])
    return {
        "external": resources,
        "code": code_of("make_figure.py", "figures", {"figure": entry}),
        "figure": entry,
        "style": FIGURE_STYLE,
        **spec.get("params", {}),
    }


for place, spec in EXPERIMENT_FIGURES.items():
    paper, name = place.split("/")

    rule:
        name:
            f"plot_{name}"
        input:
            **split_resources(spec["input"])[0],
        output:
            **figure(paper, name),
        log:
            f"logs/plot_{name}/{{experiment}}.log",
        benchmark:
            f"results/benchmarks/plot_{name}/{{experiment}}.tsv"
        group:
            "figures"
        conda:
            "../../envs/pipeline.yaml"
        resources:
            mem_mb=500,
            runtime=10,
        params:
            **figure_params(name, spec),
        message:
            f"Drawing {name.replace('_', ' ')}, {{wildcards.experiment}}"
        script:
            "../scripts/make_figure.py"


for place, spec in SUITE_FIGURES.items():
    paper, name = place.split("/")

    rule:
        name:
            f"plot_{name}"
        input:
            **split_resources(spec["input"])[0],
        output:
            **figure(paper, name, of_suite=True, category=spec.get("category")),
        log:
            f"logs/plot_{name}.log",
        benchmark:
            f"results/benchmarks/plot_{name}.tsv"
        group:
            "figures"
        conda:
            "../../envs/pipeline.yaml"
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            **figure_params(name, spec),
        message:
            f"Drawing {name.replace('_', ' ')}"
        script:
            "../scripts/make_figure.py"
