"""Every figure: where it belongs, what it is drawn from, and which experiments have it.

A figure is an entry here, a file in latentgen/figures, and a caption in workflow/report.
"""

PUBLISHED_TABLES = {
    name: published_table(name)
    for name in ("model_accuracy", "probe_accuracy", "headline")
}
HISTORIES = {"histories": of_experiment("history.csv")}
FINAL_PROBES = {**HISTORIES, "final_probes": of_experiment("final_probes.csv")}
PROBES_OVER_EPOCHS = {**HISTORIES, "probes": experiment_probes_over_epochs}
PUBLISHED = {"published": setting("published")}
OF_FINAL_PROBES = {"probes": setting("final_probes")}

CONTRASTED = [name for name in SUITE if EXPERIMENTS[name]["batch_norm_contrast"]]
MISLABELLED = [name for name in SUITE if max(EXPERIMENTS[name]["noise"]["levels"]) > 0]

EXPERIMENT_FIGURES = {
    "decoding/accuracy_by_layer": {
        "input": {
            **PUBLISHED_TABLES,
            **HISTORIES,
            "probes": of_experiment("probes.csv"),
        },
        "params": {"probes": setting("probes"), **PUBLISHED},
    },
    "decoding/trained_and_untrained": {
        "input": {
            **HISTORIES,
            "probes": of_experiment("probes.csv"),
            "initialised": published_table("initialised"),
        },
        "params": {"probes": setting("probes"), **PUBLISHED},
    },
    "decoding/baselines": {
        "input": {**PUBLISHED_TABLES, **FINAL_PROBES},
        "params": {**OF_FINAL_PROBES, **PUBLISHED},
    },
    "decoding/subspaces": {"input": FINAL_PROBES, "params": OF_FINAL_PROBES},
    "decoding/sensitivity": {"input": FINAL_PROBES, "params": OF_FINAL_PROBES},
    "decoding/costs": {
        "input": {"costs": of_experiment("costs.csv")},
        "params": OF_FINAL_PROBES,
    },
    "decoding/relabelling": {
        "input": {"relabels": of_experiment("relabel.csv", above=0)},
        "experiments": MISLABELLED,
    },
    "decoding/batch_norm": {
        "input": {**HISTORIES, "contrasts": of_experiment("batch_norm.csv")},
        "experiments": CONTRASTED,
    },
    "dynamics/accuracy_over_epochs": {
        "input": {
            **HISTORIES,
            "probes": of_experiment("probes.csv"),
            "published": published_table("model_accuracy_curves"),
        },
        "params": PUBLISHED,
    },
    # The same with the probes of `dynamics_probes` in it.
    "dynamics/probes_over_epochs": {
        "figure": "accuracy_over_epochs",
        "input": {
            **PROBES_OVER_EPOCHS,
            "published": published_table("model_accuracy_curves"),
        },
        "params": PUBLISHED,
    },
    "dynamics/probe_minus_model": {
        "figure": "differences",
        "input": PROBES_OVER_EPOCHS,
        "params": {"difference": "probe_minus_model"},
    },
    "dynamics/masc_minus_probe": {
        "figure": "differences",
        "input": PROBES_OVER_EPOCHS,
        "params": {"difference": "masc_minus_probe"},
    },
    "dynamics/geometry": {
        "input": {"geometry": of_experiment("geometry.csv")},
        "params": {
            "quantities": ["label_angle", "head_angle", "share_observed", "share_true"]
        },
    },
    "dynamics/components": {
        "figure": "geometry",
        "input": {"geometry": of_experiment("geometry.csv")},
        "params": {"quantities": ["components_observed", "components_true"]},
    },
    "dynamics/quadratic": {"input": {"agreements": of_experiment("quadratic.csv")}},
    "dynamics/weight_transfer": {"input": {"transfers": of_experiment("transfer.csv")}},
    "dynamics/transfer_controls": {
        "input": {
            "published": published_table("weight_transfer"),
            "transfers": of_experiment("transfer.csv"),
            "controls": of_experiment("transfer_controls.csv"),
        },
        "params": PUBLISHED,
    },
    "dynamics/intervention": {
        "input": {
            "published": published_table("intervention"),
            "interventions": of_experiment("intervention.csv"),
        },
        "params": PUBLISHED,
    },
    "dynamics/intervention_probes": {
        "input": {"interventions": of_experiment("intervention.csv")}
    },
}
"""Figures that every experiment has, or those that are named, by paper and name."""

SUITE_FIGURES = {
    "decoding/scoreboard": {
        "input": {"scoreboard": "results/tables/scoreboard.csv"},
        "params": {
            "probes": {name: EXPERIMENTS[name]["final_probes"] for name in SUITE}
        },
        "category": TABLES_AND_SCOREBOARD,
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
}
"""Figures of the whole suite, unless there is nothing in it."""


def figure_params(name, spec):
    """Params of a figure's rule: its entry in latentgen/figures, code and look, and its own."""
    entry = spec.get("figure", name)
    return {
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
            **spec["input"],
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
            **spec["input"],
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
