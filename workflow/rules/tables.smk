"""Every table of the suite: what it is made from, and by which script."""

REPAIRED = [name for name in SUITE if EXPERIMENTS[name]["validation_fraction"] > 0]

TABLES = {
    "accuracy": {
        "target": "decoding",
        "script": "tabulate_accuracy.py",
        "input": {
            "histories": of_runs(SUITE, "history.csv"),
            "probes": of_runs(SUITE, "probes.csv"),
        },
    },
    "scoreboard": {
        "target": "decoding",
        "script": "tabulate_scoreboard.py",
        "input": {
            "histories": of_runs(SUITE, "history.csv"),
            "final_probes": of_runs(SUITE, "final_probes.csv"),
        },
    },
    "published_comparison": {
        "target": "decoding",
        "script": "compare_published.py",
        "input": {
            **PUBLISHED_TABLES,
            "histories": of_runs(SUITE, "history.csv"),
            "final_probes": of_runs(SUITE, "final_probes.csv"),
        },
        "params": {
            "published": {name: EXPERIMENTS[name]["published"] for name in SUITE},
            "probes": {name: EXPERIMENTS[name]["final_probes"] for name in SUITE},
            "tolerances": CONFIG.tolerances.model_dump(),
        },
    },
    "peaks": {
        "target": "dynamics",
        "script": "tabulate_peaks.py",
        "input": {
            "histories": of_runs(SUITE, "history.csv"),
            "probes": probes_over_epochs(SUITE),
        },
        "output": {"runs": "results/tables/peaks_by_run.csv"},
    },
    "repair": {
        "target": "dynamics",
        "script": "tabulate_repair.py",
        "input": {
            "histories": of_runs(REPAIRED, "history.csv"),
            "repairs": of_runs(REPAIRED, "repair.csv"),
        },
        "of": REPAIRED,
    },
    "disambiguation": {
        "target": "disambiguation",
        "script": "tabulate_disambiguations.py",
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
            spec["script"].removesuffix(".py")
        input:
            **spec["input"],
        output:
            **table(name),
            **spec.get("output", {}),
        log:
            f"logs/tables/{name}.log",
        benchmark:
            f"results/benchmarks/{spec['script'].removesuffix('.py')}.tsv"
        group:
            "figures"
        conda:
            "../../envs/pipeline.yaml"
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            **spec.get("params", {}),
            code=code_of(spec["script"]),
        message:
            f"Tabulating {name.replace('_', ' ')}"
        script:
            f"../scripts/{spec['script']}"
