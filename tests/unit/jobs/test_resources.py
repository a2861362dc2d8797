"""Planned memory against what the arrays take, by hand."""

from latentgen.jobs import resources

SIZE = {"train": 60_000, "test": 10_000, "shape": [1, 28, 28], "classes": 10}
MLP = {"architecture": "mlp", "widths": [128, 2048]}
CNN = {"architecture": "cnn", "channels": [16, 32, 64], "widths": [250]}
RESNET = {"architecture": "resnet18"}


def test_widest_layer() -> None:
    assert resources.widest_layer(MLP, [1, 28, 28]) == 2048
    assert resources.widest_layer(CNN, [3, 32, 32]) == 1024
    assert resources.widest_layer(CNN, [1, 28, 28]) == 576
    assert resources.widest_layer(RESNET, [3, 32, 32]) == 16_384


def test_probes_take_what_their_arrays_do() -> None:
    # 500 rows in 10 classes are kept as they are, and have a component each; the input is narrower.
    size = {"train": 500, "test": 100, "shape": [1, 28, 28], "classes": 10}
    row, decomposing = 4 * 2048, 5 * 8 * 100**2

    def megabytes(**probes: dict[str, object]) -> int:
        experiment = {"size": size, "model": MLP, "probes": probes}
        return resources.probing_mb("fit_probes", experiment)

    def expected(bytes_: int) -> int:
        return (2 * 500 * row + decomposing + bytes_) // 2**20

    masc = {"probe": "masc", "explained_variance": 0.5, "n_components": None}
    assert megabytes(masc=masc) == expected((250 + 10) * row)
    assert megabytes(fixed={**masc, "n_components": 2}) == expected(20 * row)
    assert megabytes(velpic={"probe": "velpic"}) == expected(20 * row)
    assert megabytes(lda={"probe": "lda"}) == expected(64 * 2048**2)
    assert megabytes(qda={"probe": "qda"}) == expected(2 * 500 * 2 * row)
    # Rows are there once for all probes that need them, and each of these has them anew.
    knn = {"probe": "knn"}
    assert megabytes(knn=knn) == expected(2 * 500 * row)
    assert megabytes(knn=knn, more=knn) == expected(3 * 500 * row)
    regression = {"probe": "logistic_regression", "solver": "lbfgs"}
    assert megabytes(regression=regression) == expected(2 * 500 * row + 32 * 2048**2)
    # Other rules have their own list.
    of_repair = {
        "size": size,
        "model": MLP,
        "probes": {},
        "repair_probes": {"lda": {"probe": "lda"}},
    }
    assert resources.probing_mb("repair_model", of_repair) == expected(64 * 2048**2)


def test_moments_are_rows_or_matrices_whichever_is_smaller() -> None:
    experiment = {"size": SIZE, "model": MLP, "probes": {}}
    # A class of 6,000 has a matrix, and may have nearly 2,048 rows that are not in it yet.
    arrays = (2 * 10 * 2048 + 10 * 2048) * 2048 * 4 + 5 * 8 * 2048**2
    assert resources.probing_mb("fit_probes", experiment) == arrays // 2**20
    # With so many rows QDA is in float32.
    more = {**experiment, "probes": {"qda": {"probe": "qda"}}}
    arrays += 2 * 4 * 10 * 2048**2
    assert resources.probing_mb("fit_probes", more) == arrays // 2**20
    # Rules that fit to both kinds of labels at once, and keep MASC for each.
    arrays = 2 * (2 * 10 * 2048 + 2 * 10 * 2048) * 2048 * 4 + 5 * 8 * 2048**2
    assert resources.probing_mb("intervene", experiment) == arrays // 2**20


def test_the_input_counts_where_it_is_probed() -> None:
    size = {"train": 1000, "test": 100, "shape": [3, 64, 64], "classes": 10}
    experiment = {"size": size, "model": MLP, "probes": {}}
    arrays = 2 * 1000 * 3 * 64 * 64 * 4 + 5 * 8 * 200**2
    assert resources.probing_mb("fit_probes", experiment) == arrays // 2**20
    hidden = 2 * (1000 + 2 * 1000) * 2048 * 4 + 5 * 8 * 200**2
    assert resources.probing_mb("transfer_weights", experiment) == hidden // 2**20


def test_held_activations_are_bounded() -> None:
    assert (
        resources.held_mb({**SIZE, "train": 500, "test": 100}, CNN) == 10 * 600 * 576 * 4 // 2**20
    )
    assert resources.held_mb(SIZE, MLP) == 2048


def test_memory_grows_with_images_and_quick_jobs_stay_small() -> None:
    masc = {"masc": {"probe": "masc", "explained_variance": 0.99, "n_components": None}}
    experiment = {"size": SIZE, "model": MLP, "training": {"max_epochs": 500}, "probes": masc}
    network = 5 * 4 * (784 * 128 + 128 * 2048 + 2048 * 10) // 2**20
    assert resources.memory_mb("train", experiment) == resources.BASE_MB + 3 * 52 + network
    small = {"train": 1437, "test": 360, "shape": [1, 8, 8], "classes": 10}
    for rule in ("train", "dump_activations", "fit_probes", "transfer_weights"):
        quick = {**experiment, "size": small, "model": {"architecture": "mlp", "widths": [256]}}
        assert resources.memory_mb(rule, quick) <= 1500
    assert resources.runtime_minutes("train", experiment) == 20 + 500


def test_time_of_interventions_grows_with_all_that_is_trained() -> None:
    plan = {"epochs": [1, 10, 40], "total_epochs": 100, "variants": ["edited", "optimizer_reset"]}
    experiment = {"size": SIZE, "model": MLP, "intervention": plan}
    assert resources.runtime_minutes("intervene", experiment) == 20 + 100 * (1 + 2 * 3)


def test_time_for_many_passes() -> None:
    experiment = {"size": SIZE, "model": MLP, "training": {"max_epochs": 500}}
    assert resources.runtime_minutes("measure_dynamics", experiment) == 20 + 1000


def test_memory_of_preparing_a_dataset() -> None:
    assert resources.dataset_memory_mb({"size": SIZE}) == resources.BASE_MB + 4 * 52
    unknown = 4 * (70_000 * 3 * 32 * 32 // 2**20)
    assert resources.dataset_memory_mb({}) == resources.BASE_MB + unknown
