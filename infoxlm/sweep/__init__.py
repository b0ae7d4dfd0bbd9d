"""Many runs of one command: Hydra launches them, this keeps their state, resumes and reports."""
