"""Attribution methods: one file each, with a function that is an `attribution.Method`."""
