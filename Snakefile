include: "workflow/Snakefile"


# An included file cannot set the default target, so it is named here once more.
rule default:
    default_target: True
    input:
        rules.core.input,
