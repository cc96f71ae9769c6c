"""Many runs: variants of the ablation, DVC's experiments, a sweep over several machines."""
