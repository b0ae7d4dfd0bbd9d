import pytest

from infoxlm.commands import dashboard
from infoxlm.errors import UserError


def test_folder_without_runs(compose, tmp_path):
    config = compose("dashboard", f"folder={tmp_path}")
    with pytest.raises(UserError, match="holds no VisualDL log"):
        dashboard.run(config, ".")


def test_serves_what_was_asked_for(compose, monkeypatch):
    served = []
    monkeypatch.setattr(dashboard, "serve_dashboard", lambda *call: served.append(call))
    dashboard.run(compose("dashboard", "port=8041", "host=0.0.0.0"), ".")
    assert served == [("outputs", "0.0.0.0", 8041)]
