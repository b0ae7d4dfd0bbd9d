def test_an_exported_model_drops_nothing(export):
    """Dropout's operations would stay in the graph as copies."""
    program = (export("fp32", False) / "inference.json").read_text()
    assert "matmul" in program
    assert "dropout" not in program
