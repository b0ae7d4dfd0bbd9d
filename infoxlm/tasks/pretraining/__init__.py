"""Pre-training: masked LM, translation LM and cross-lingual contrast (Chi et al. 2021)."""
