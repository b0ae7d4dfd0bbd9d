"""Settings as people type them, and which of them tell runs apart."""

from infoxlm.runs.settings import compared_settings, flat_settings


def test_flat_settings(compose):
    settings = flat_settings(compose("train", "model=tiny", "hardware=gpu_bf16"))
    assert settings["seed"] == 42
    assert settings["hardware.amp"] == "bf16"
    assert settings["trainer.select_on"] == "dev_average"
    assert settings["model.shape.hidden_size"] == 32
    assert settings["data.train_languages"] == "[en]"
    assert settings["data.eval_languages"].endswith(",vi,zh]")
    assert settings["trainer.patience"] == "null"
    assert settings["model.recompute"] == "false"
    assert not [key for key, value in settings.items() if isinstance(value, dict | list)]


def test_flat_settings_are_overrides_of_the_command_line(compose):
    settings = flat_settings(compose("train", "model=tiny", "seed=3"))
    overrides = [f"{key}={value}" for key, value in settings.items()]
    assert flat_settings(compose("train", "model=tiny", *overrides)) == settings


def test_settings_that_runs_are_compared_by(compose):
    settings = compared_settings(flat_settings(compose("train", "model=tiny", "seed=3")))
    assert settings["seed"] == 3
    assert settings["optimizer.learning_rate"] == 2e-5
    assert not [key for key in settings if key.startswith(("hardware", "model.shape"))]
    assert "data.cache_dir" not in settings


def test_a_run_that_was_gone_on_with_is_no_other_run(compose):
    alone, resumed = (
        flat_settings(compose("train", "model=tiny", f"trainer.resume={how}"))
        for how in ("null", "auto")
    )
    assert alone != resumed
    assert compared_settings(alone) == compared_settings(resumed)
