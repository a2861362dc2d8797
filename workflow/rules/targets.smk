"""What can be asked for by name; target_files.smk lists the files."""


rule decoding:
    """All figures and tables that answer those of arXiv 2501.14687."""
    input:
        TARGETS["decoding"],


rule dynamics:
    """All figures and tables that answer those of arXiv 2603.19865."""
    input:
        TARGETS["dynamics"],


rule disambiguation:
    """All figures and tables that answer those of arXiv 2410.19479."""
    input:
        TARGETS["disambiguation"],


rule robust:
    """The methods of experiments that have some, and what repair and probes add after each."""
    input:
        TARGETS["robust"],


rule label_issues:
    """Which training labels are wrong, by every method, with pictures of the most suspect ones."""
    input:
        TARGETS["label_issues"],


rule all:
    """Everything."""
    input:
        TARGETS.values(),


localrules:
    all,
    core,
    decoding,
    disambiguation,
    dynamics,
    label_issues,
    robust,


onsuccess:
    list_figures()
