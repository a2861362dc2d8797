"""Which experiments of the suite have which results."""

WITHOUT_TRUTH = [
    name for name in MEMBERS if EXPERIMENTS[name]["noise"]["kind"] == UNKNOWN
]
# All else compares with true labels, and of features nothing is trained.
WITH_TRUTH = [name for name in MEMBERS if name not in WITHOUT_TRUTH]
SUITE = [name for name in WITH_TRUTH if EXPERIMENTS[name]["model"]]
FEATURES = [name for name in WITH_TRUTH if name not in SUITE]
METHODS = {
    name: own
    for name, own in schema.methods_of(CONFIG).items()
    if set(own.values()) <= set(SUITE)
}


def is_noisy(noise):
    """Whether an experiment has wrong labels."""
    return not noise["graded"] or max(noise["levels"]) > 0


CONTRASTED = [name for name in SUITE if EXPERIMENTS[name]["batch_norm_contrast"]]
MISLABELLED = [name for name in SUITE if is_noisy(EXPERIMENTS[name]["noise"])]
NOISY_FEATURES = [name for name in FEATURES if is_noisy(EXPERIMENTS[name]["noise"])]
SEARCHED = [*MISLABELLED, *NOISY_FEATURES, *WITHOUT_TRUTH]
RETRAINED = [
    name
    for name in SEARCHED
    if EXPERIMENTS[name]["model"] and EXPERIMENTS[name]["validation_fraction"] > 0
]
WITH_LEVELS = [name for name in SUITE if EXPERIMENTS[name]["noise"]["graded"]]


def shares_noise(name):
    """Whether an experiment has noise, at some level, that the one has which it is drawn beside."""
    if not (beside := EXPERIMENTS[name]["beside"]):
        return False
    noises = [EXPERIMENTS[it]["noise"] for it in (name, beside)]
    shared = set.intersection(*({*noise["levels"]} for noise in noises))
    return bool(shared) and noises[0]["kind"] == noises[1]["kind"]


def comparing(probe):
    """Experiments that fit a probe over training, and others to compare it with."""
    fitted = {name: settings_over_epochs(name) for name in SUITE}
    return [
        name for name, probes in fitted.items() if probe in probes and len(probes) > 1
    ]


COUNTERPARTS = {
    name: EXPERIMENTS[name]["published"]
    for name in SUITE
    if EXPERIMENTS[name]["published"]
}
ONE_BY_ONE = [
    name
    for name in COUNTERPARTS
    if "edited_single_images" in EXPERIMENTS[name]["intervention"]["variants"]
]
REPAIRED = [name for name in SUITE if EXPERIMENTS[name]["validation_fraction"] > 0]
ROBUST = [
    name
    for own in METHODS.values()
    for name in own.values()
    if name in REPAIRED and is_noisy(EXPERIMENTS[name]["noise"])
]
