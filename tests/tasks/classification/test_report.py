from infoxlm.tasks.classification.report import report_sections


def test_confusion_matrix():
    counts = [[2, 1, 1], [0, 0, 0], [1_000, 0, 0]]
    (section,) = report_sections({"test": {"confusion": {"all": counts}}}, "test")
    assert section.title == "Confusion matrix (test, all languages)"
    assert section.header[1:] == ("entailment", "neutral", "contradiction", "recall")
    assert section.rows == [
        ("entailment", "2", "1", "1", "50.0"),
        ("neutral", "0", "0", "0", ""),
        ("contradiction", "1,000", "0", "0", "0.0"),
    ]


def test_names_of_the_classes():
    found = {"dev": {"confusion": {"all": [[1, 0], [0, 1]]}}}
    (section,) = report_sections(found | {"labels": ["no", "yes"]}, "dev")
    assert [row[0] for row in section.rows] == ["no", "yes"]
    (section,) = report_sections(found, "dev")
    assert [row[0] for row in section.rows] == ["0", "1"]


def test_scores_without_confusion_have_none():
    assert report_sections({"dev": {"accuracy": {"en": 1.0}}}, "dev") == []
