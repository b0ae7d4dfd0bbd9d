from infoxlm.files.listing import files_below


def test_files_behind_links_are_found_once(tmp_path):
    real, folder = tmp_path / "real", tmp_path / "folder"
    (real / "deep").mkdir(parents=True)
    folder.mkdir()
    assert list(files_below(folder)) == []
    (real / "deep" / "b.txt").touch()
    (real / "a.txt").touch()
    (folder / "mine").symlink_to(real)
    (folder / "again").symlink_to(real)
    (folder / "circle").symlink_to(folder)
    (folder / "nowhere").symlink_to(folder / "missing")
    found = [str(path.relative_to(folder)) for path in files_below(folder)]
    assert found == ["nowhere", "again/a.txt", "again/deep/b.txt"]
