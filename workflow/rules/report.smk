"""What figures and tables are made of, and how they stand in the report."""

PAPERS = {
    "decoding": "2 Decoding (arXiv 2501.14687)",
    "dynamics": "3 Dynamics (arXiv 2603.19865)",
    "disambiguation": "4 Disambiguation (arXiv 2410.19479)",
    "label_issues": "5 Label issues",
}
FINDINGS = "0 Findings"
TABLES_AND_SCOREBOARD = "1 Scoreboard and tables"


def figure(paper, name, of_suite=False, category=None):
    """The files of a figure, of one experiment or of the whole suite; its picture is reported."""
    folder = "/".join(
        ["results/figures", paper, *([] if of_suite else ["{experiment}"])]
    )
    labels = {"kind": "figure"} if of_suite else {"experiment": "{experiment}"}
    picture = report(
        f"{folder}/{name}.png",
        caption=f"../report/{name}.rst",
        category=category or PAPERS[paper],
        labels={"result": name.replace("_", " "), **labels},
    )
    return {
        "pdf": f"{folder}/{name}.pdf",
        "png": picture,
        "csv": f"{folder}/{name}.csv",
    }


def table(name):
    """The files of a table of the suite: to compute with, to read, to sort and search."""
    page = report(
        f"results/tables/{name}.html",
        caption=f"../report/{name}.rst",
        category=TABLES_AND_SCOREBOARD,
        labels={"result": name.replace("_", " "), "kind": "table"},
    )
    return {
        "csv": f"results/tables/{name}.csv",
        "md": f"results/tables/{name}.md",
        "html": page,
    }
