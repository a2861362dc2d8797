"""Planned memory against what the arrays take, by hand."""

from latentgen import planning

SIZE = {"train": 60_000, "test": 10_000, "shape": [1, 28, 28], "classes": 10}
MLP = {"architecture": "mlp", "widths": [128, 2048]}
CNN = {"architecture": "cnn", "channels": [16, 32, 64], "widths": [250]}
RESNET = {"architecture": "resnet18"}


def test_widest_layer() -> None:
    assert planning.widest_layer(MLP, [1, 28, 28]) == 2048
    assert planning.widest_layer(CNN, [3, 32, 32]) == 1024
    assert planning.widest_layer(CNN, [1, 28, 28]) == 576
    assert planning.widest_layer(RESNET, [3, 32, 32]) == 16_384


def test_moments_are_rows_or_matrices_whichever_is_smaller() -> None:
    matrices = 2 * 5 * 10 * 2048 * 2048 * 4 // 2**20
    assert planning.moments_mb(SIZE, MLP) == matrices
    few = {**SIZE, "train": 500}
    assert planning.moments_mb(few, MLP) == 2 * 5 * 500 * 2048 * 4 // 2**20


def test_held_activations_are_bounded() -> None:
    assert planning.held_mb({**SIZE, "train": 500, "test": 100}, CNN) == 10 * 600 * 576 * 4 // 2**20
    assert planning.held_mb(SIZE, MLP) == 2048


def test_memory_grows_with_images_and_quick_jobs_stay_small() -> None:
    experiment = {"size": SIZE, "model": MLP, "training": {"max_epochs": 500}}
    assert planning.memory_mb("train", experiment) == planning.BASE_MB + 3 * 52
    small = {"train": 1437, "test": 360, "shape": [1, 8, 8], "classes": 10}
    for rule in ("train", "dump_activations", "fit_probes", "transfer_weights"):
        quick = {**experiment, "size": small, "model": {"architecture": "mlp", "widths": [256]}}
        assert planning.memory_mb(rule, quick) <= 1500
    assert planning.runtime_minutes("train", experiment) == 20 + 500


def test_time_of_interventions_grows_with_all_that_is_trained() -> None:
    plan = {"epochs": [1, 10, 40], "total_epochs": 100, "variants": ["edited", "optimizer_reset"]}
    experiment = {"size": SIZE, "model": MLP, "intervention": plan}
    assert planning.runtime_minutes("intervene", experiment) == 20 + 100 * (1 + 2 * 3)


def test_probes_that_need_rows_have_memory_for_them_and_time_for_many_passes() -> None:
    experiment = {"size": SIZE, "model": MLP, "training": {"max_epochs": 500}}
    rows = 3 * 70_000 * 2048 * 4 // 2**20
    for rule in ("fit_final_probes", "measure_dynamics"):
        assert planning.memory_mb(rule, experiment) == rows + planning.memory_mb(
            "fit_probes", experiment
        )
    assert planning.runtime_minutes("measure_dynamics", experiment) == 20 + 1000


def test_memory_of_preparing_a_dataset() -> None:
    assert planning.dataset_memory_mb({"size": SIZE}) == planning.BASE_MB + 4 * 52
    unknown = 4 * (70_000 * 3 * 32 * 32 // 2**20)
    assert planning.dataset_memory_mb({}) == planning.BASE_MB + unknown
