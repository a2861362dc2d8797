"""What each figure is drawn from: of single experiments, and of the whole suite."""

PUBLISHED_TABLES = {
    name: published_table(name)
    for name in ("model_accuracy", "probe_accuracy", "headline")
}
HISTORIES = {"histories": of_experiment("history.csv")}
FINAL_PROBES = {**HISTORIES, "final_probes": of_experiment("final_probes.csv")}
PROBES_OVER_EPOCHS = {**HISTORIES, "probes": experiment_probes_over_epochs}
PUBLISHED = {"published": setting("published")}
OF_FINAL_PROBES = {"probes": setting("final_probes")}
PUBLISHED_OVER_EPOCHS = {
    "model_accuracy_curves": published_table("model_accuracy_curves"),
    "probe_accuracy_curves": published_table("probe_accuracy_curves"),
}

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
        "experiments": WITH_LEVELS,
    },
    "decoding/baselines": {
        "input": {**PUBLISHED_TABLES, **FINAL_PROBES},
        "params": {**OF_FINAL_PROBES, **PUBLISHED},
    },
    "decoding/subspaces": {"input": FINAL_PROBES, "params": OF_FINAL_PROBES},
    "decoding/sensitivity": {"input": FINAL_PROBES, "params": OF_FINAL_PROBES},
    "decoding/costs": {
        "input": {
            "costs": of_experiment("costs.csv"),
            "probe_seconds": published_table("probe_seconds"),
        },
        "params": {**OF_FINAL_PROBES, **PUBLISHED},
    },
    "decoding/class_costs": {
        "input": {"class_costs": of_experiment("class_costs.csv")},
        "params": OF_FINAL_PROBES,
    },
    "decoding/relabelling": {
        "input": {"relabels": of_experiment("relabel.csv", above=0)},
        "experiments": MISLABELLED,
    },
    "decoding/label_quality": {
        "input": {"qualities": of_experiment("label_quality.csv", above=0)},
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
            **PUBLISHED_OVER_EPOCHS,
        },
        "params": {
            "probes": setting("probes"),
            "fit_labels": "observed",
            **PUBLISHED,
        },
    },
    # The same with the probes of `dynamics_probes` in it, and of probes fitted to true labels.
    **{
        f"dynamics/{name}": {
            "figure": "accuracy_over_epochs",
            "input": {**PROBES_OVER_EPOCHS, **PUBLISHED_OVER_EPOCHS},
            "params": {
                "probes": own_settings_over_epochs,
                "fit_labels": fit_labels,
                **PUBLISHED,
            },
        }
        for name, fit_labels in (
            ("probes_over_epochs", "observed"),
            ("true_labels_over_epochs", "true"),
        )
    },
    "dynamics/splits_over_epochs": {
        "input": {
            **HISTORIES,
            "probes": of_experiment("probes.csv"),
            "model_accuracy_curves": published_table("model_accuracy_curves"),
        },
        "params": {"probes": setting("probes"), **PUBLISHED},
    },
    "dynamics/side_by_side": {
        "input": {
            "histories": of_experiment_and_beside("history.csv"),
            "probes": of_experiment_and_beside("probes.csv"),
        },
        "experiments": [name for name in SUITE if shares_noise(name)],
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
        "experiments": comparing("masc"),
    },
    "dynamics/velpic_minus_probe": {
        "figure": "differences",
        "input": PROBES_OVER_EPOCHS,
        "params": {"difference": "velpic_minus_probe"},
        "experiments": comparing("velpic"),
    },
    "dynamics/geometry": {
        "input": {"geometry": of_experiment("geometry.csv")},
        "params": {
            "quantities": [
                *("label_angle", "head_angle"),
                *("share_observed", "share_observed_test"),
                *("share_true", "share_true_test"),
            ]
        },
    },
    "dynamics/components": {
        "figure": "geometry",
        "input": {"geometry": of_experiment("geometry.csv")},
        "params": {"quantities": ["components_observed", "components_true"]},
    },
    "dynamics/quadratic": {"input": {"agreements": of_experiment("quadratic.csv")}},
    "dynamics/weight_transfer": {
        "input": {
            "weight_transfer_curves": published_table("weight_transfer_curves"),
            "transfers": of_experiment("transfer.csv"),
        },
        "params": PUBLISHED,
    },
    "dynamics/transfer_controls": {
        "input": {
            "weight_transfer_curves": published_table("weight_transfer_curves"),
            "transfers": of_experiment("transfer.csv"),
            "controls": of_experiment("transfer_controls.csv"),
        },
        "params": PUBLISHED,
    },
    "dynamics/intervention": {
        "input": {
            "intervention_curves": published_table("intervention_curves"),
            "model_accuracy_curves": published_table("model_accuracy_curves"),
            "interventions": of_experiment("intervention.csv"),
        },
        "params": PUBLISHED,
    },
    "dynamics/intervention_probes": {
        "input": {"interventions": of_experiment("intervention.csv")}
    },
}
"""Figures that every experiment has, or those that are named, by paper and name."""
