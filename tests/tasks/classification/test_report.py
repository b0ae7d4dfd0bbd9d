from infoxlm.tasks.classification.report import report_sections


def test_confusion_matrix():
    counts = [[2, 1, 1], [0, 0, 0], [1_000, 0, 0]]
    (section,) = report_sections({"test": {"accuracy": {}, "confusion": {"all": counts}}}, "test")
    assert section.title == "Confusion matrix (test, all languages)"
    assert section.header[1:] == ("entailment", "neutral", "contradiction", "recall")
    assert section.rows == [
        ("entailment", "2", "1", "1", "50.0"),
        ("neutral", "0", "0", "0", ""),
        ("contradiction", "1,000", "0", "0", "0.0"),
    ]


def part(examples, accuracy):
    return {"examples": examples, "accuracy": accuracy, "interval": [0.0, 1.0]}


def test_rows_in_another_script():
    scripts = {
        "ur": {"in_script": part(4_493, 0.651), "other": part(517, 0.402)},
        "el": {"in_script": part(5_009, 0.7), "other": part(1, 1.0)},
    }
    (section,) = report_sections({"test": {"accuracy": {}, "scripts": scripts}}, "test")
    assert section.rows == [("ur", "4,493", "65.1", "517", "40.2")]
    del scripts["ur"]
    assert report_sections({"test": {"accuracy": {}, "scripts": scripts}}, "test") == []


def test_names_of_the_classes():
    found = {"dev": {"accuracy": {}, "confusion": {"all": [[1, 0], [0, 1]]}}}
    (section,) = report_sections({"dev": found["dev"] | {"labels": ["no", "yes"]}}, "dev")
    assert [row[0] for row in section.rows] == ["no", "yes"]
    (section,) = report_sections(found, "dev")
    assert [row[0] for row in section.rows] == ["0", "1"]


def test_scores_without_confusion_have_none():
    assert report_sections({"dev": {"accuracy": {"en": 1.0}}}, "dev") == []


def test_the_most_frequent_label():
    confusion = {"all": [[3, 3], [1, 3]], "de": [[2, 0], [1, 0]], "ko": [[1, 3], [0, 3]]}
    scores = {"labels": ["no", "yes"], "accuracy": {"ko": 4 / 7, "de": 2 / 3}}
    _, section = report_sections({"test": scores | {"confusion": confusion}}, "test")
    assert section.rows == [("ko", "no", "57.1", "+0.0"), ("de", "no", "66.7", "+0.0")]
    even = {"all": [[2, 1], [0, 3]], "ko": [[2, 1], [0, 3]]}
    assert len(report_sections({"test": scores | {"confusion": even}}, "test")) == 1
