"""Whether two labels of one image come from two things or from one (arXiv 2410.19479)."""
