"""Every table of the suite, and what it is made from.

A table is an entry here, a file in latentgen/tables, and a caption in workflow/report.
"""

TABLES = {
    "accuracy": {
        "target": "decoding",
        "input": {
            "histories": of_runs(SUITE, "history.csv"),
            "probes": of_runs(SUITE, "probes.csv"),
        },
    },
    "scoreboard": {
        "target": "decoding",
        "input": {
            "histories": of_runs(SUITE, "history.csv"),
            "final_probes": of_runs(WITH_TRUTH, "final_probes.csv"),
            "predictions": of_runs(SUITE, "predictions.h5"),
        },
        "params": {
            "probes": {name: EXPERIMENTS[name]["final_probes"] for name in WITH_TRUTH}
        },
        "of": WITH_TRUTH,
    },
    "published_comparison": {
        "target": "decoding",
        "input": {
            **PUBLISHED_TABLES,
            "initialised": published_table("initialised"),
            "histories": of_runs(SUITE, "history.csv"),
            "final_probes": of_runs(SUITE, "final_probes.csv"),
        },
        "params": {
            "published": {name: EXPERIMENTS[name]["published"] for name in SUITE},
            "probes": {name: EXPERIMENTS[name]["final_probes"] for name in SUITE},
            "tolerances": CONFIG.tolerances.model_dump(),
        },
    },
    "published_dynamics": {
        "target": "dynamics",
        "input": {
            **{
                name: published_table(name)
                for name in (
                    "model_accuracy_curves",
                    "weight_transfer_curves",
                    "intervention_curves",
                    "probe_accuracy_curves",
                )
            },
            "histories": of_runs(COUNTERPARTS, "history.csv"),
            "probes": probes_over_epochs(COUNTERPARTS),
            "transfers": of_runs(COUNTERPARTS, "transfer.csv"),
            "interventions": of_runs(ONE_BY_ONE, "intervention.csv"),
        },
        "params": {
            "published": COUNTERPARTS,
            "probes": {name: settings_over_epochs(name) for name in COUNTERPARTS},
            "tolerances": CONFIG.tolerances.model_dump(),
        },
    },
    "peaks": {
        "target": "dynamics",
        "input": {
            "histories": of_runs(SUITE, "history.csv"),
            "probes": probes_over_epochs(SUITE),
        },
        "output": {"runs": "results/tables/peaks_by_run.csv"},
    },
    "repair": {
        "target": "dynamics",
        "input": {
            "histories": of_runs(REPAIRED, "history.csv"),
            "repairs": of_runs(REPAIRED, "repair.csv"),
        },
        "of": REPAIRED,
    },
    "robust": {
        "target": "robust",
        "input": {
            "histories": of_runs(ROBUST, "history.csv"),
            "repairs": of_runs(ROBUST, "repair.csv"),
            "final_probes": of_runs(ROBUST, "final_probes.csv"),
        },
        "output": {"runs": "results/tables/robust_by_run.csv"},
        "params": {
            "methods": METHODS,
            "probes": {name: EXPERIMENTS[name]["final_probes"] for name in ROBUST},
        },
        "of": ROBUST,
    },
    "label_issues": {
        "target": "label_issues",
        "input": {
            "samples": of_runs(SEARCHED, "label_issues.csv", above=0),
            "rates": of_runs(SEARCHED, "noise_rates.csv", above=0),
        },
        "output": {
            "runs": "results/tables/label_issues_by_run.csv",
            "transitions": "results/tables/label_issues_transitions.csv",
        },
        "of": SEARCHED,
    },
    "cleaned_labels": {
        "target": "label_issues",
        "input": {"cleaned": of_runs(RETRAINED, "cleaned_labels.csv", above=0)},
        "of": RETRAINED,
    },
    "disambiguation": {
        "target": "disambiguation",
        "input": {
            "pairs": of_studies("pairs.csv"),
            "skipped": of_studies("skipped.csv"),
            "unreadable": unreadable_of_studies(),
        },
        "output": {"confusion": "results/tables/disambiguation_confusion.csv"},
        "params": {"studies": {name: STUDIES[name] for name in SUITE_STUDIES}},
        "of": SUITE_STUDIES,
    },
}
"""Tables, unless the suite has nothing that they are about."""

for name, spec in TABLES.items():

    rule:
        name:
            f"tabulate_{name}"
        input:
            **split_resources(spec["input"])[0],
        output:
            **table(name),
            **spec.get("output", {}),
        log:
            f"logs/tabulate_{name}.log",
        benchmark:
            f"results/benchmarks/tabulate_{name}.tsv"
        group:
            "figures"
        conda:
            "../../envs/pipeline.yaml"
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            **spec.get("params", {}),
            external=split_resources(spec["input"])[1],
            code=code_of("make_table.py", "tables", {"table": name}),
            table=name,
        message:
            f"Tabulating {name.replace('_', ' ')}"
        script:
            "../scripts/make_table.py"
