"""Downloads against a server on this machine: cut connections, wrong files, refusals, a full disk."""

import functools
import hashlib
import http.server
import io
import pickle
import shutil
import tarfile
import threading
import types
import zipfile

import numpy as np
import pytest
from PIL import Image

from cvhelpers import downloads

CONTENT = np.random.default_rng(0).bytes(300_000)
SHA = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.BaseHTTPRequestHandler):
    """``/good`` answers ranges; ``/cut`` stops in the middle of each answer; ``/no-range`` ignores ranges."""

    asked = []

    def do_GET(self):
        Server.asked.append((self.path, self.headers.get("Range")))
        if self.path not in ("/good", "/cut", "/no-range"):
            return self.send_error(404, "Not Found")
        start = 0
        if self.path != "/no-range" and (given := self.headers.get("Range")):
            start = int(given.removeprefix("bytes=").rstrip("-"))
        if start >= len(CONTENT):
            return self.send_error(416)
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: 120_000 if self.path == "/cut" else None])
        self.close_connection = True

    def log_message(self, *arguments):
        pass


@pytest.fixture
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Server.asked.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetch(tmp_path, monkeypatch):
    monkeypatch.setenv("CVHELPERS_PROGRESS", "0")
    return functools.partial(downloads.fetch, "file", cache=tmp_path, timeout=5)


def test_a_file_is_downloaded_checked_and_asked_for_only_once(fetch, address):
    path = fetch(address=address + "/good", checksum=SHA)
    assert path.read_bytes() == CONTENT
    assert fetch(address=address + "/good", checksum=SHA) == path and len(Server.asked) == 1


def test_a_cut_connection_is_resumed_where_it_stopped(fetch, address):
    assert fetch(address=address + "/cut", checksum=SHA).read_bytes() == CONTENT
    assert Server.asked == [("/cut", None), ("/cut", "bytes=120000-"), ("/cut", "bytes=240000-")]


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(fetch, address, tmp_path):
    with pytest.raises(downloads.NotAvailable, match="cut"):
        fetch(address=address + "/cut", checksum=SHA, attempts=1)
    assert (tmp_path / "file.part").stat().st_size == 120_000
    assert fetch(address=address + "/good", checksum=SHA).read_bytes() == CONTENT
    assert Server.asked[-1] == ("/good", "bytes=120000-")


def test_a_server_without_ranges_starts_again(fetch, address, tmp_path):
    (tmp_path / "file.part").write_bytes(b"old")
    assert fetch(address=address + "/no-range", checksum=SHA).read_bytes() == CONTENT


def test_a_complete_part_is_taken_as_it_is(fetch, address, tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT)
    assert fetch(address=address + "/good", checksum=SHA).read_bytes() == CONTENT


def test_a_wrong_checksum_removes_the_file_and_names_both(fetch, address, tmp_path):
    with pytest.raises(downloads.NotAvailable, match="not the file it should be"):
        fetch(address=address + "/good", checksum="sha256:" + "0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_size_is_refused_where_there_is_no_checksum(fetch, address, tmp_path):
    with pytest.raises(downloads.NotAvailable, match="got 300000, wanted 300001"):
        fetch(address=address + "/good", size=300_001)
    assert list(tmp_path.iterdir()) == []


def test_a_file_put_there_by_hand_is_checked_and_kept(fetch, address, tmp_path):
    (tmp_path / "file").write_bytes(b"another")
    for _ in range(2):
        with pytest.raises(downloads.NotAvailable, match="got 7, wanted 300000. Remove it"):
            fetch(address=address + "/good", size=300_000)
    assert (tmp_path / "file").read_bytes() == b"another" and Server.asked == []
    (tmp_path / "file").write_bytes(CONTENT)
    assert fetch(address=address + "/good", checksum=SHA) == tmp_path / "file"


def test_the_login_page_of_a_wifi_is_no_file(fetch, address, tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.CONTENT", b"\n<!DOCTYPE html><html>please log in</html>")
    with pytest.raises(downloads.NotAvailable, match="web page, perhaps the login"):
        fetch(address=address + "/good", checksum=SHA)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_on_the_server_is_said_with_the_way_out(fetch, address):
    with pytest.raises(downloads.NotAvailable, match="404.*save it as"):
        fetch(address=address + "/missing", checksum=SHA)


def test_without_a_network_the_message_says_what_to_do(fetch):
    with pytest.raises(downloads.NotAvailable, match="go on without it"):
        fetch(address="http://127.0.0.1:9/none", checksum=SHA, attempts=1)


def test_a_full_disk_is_noticed_before_and_during_the_download(fetch, address, monkeypatch):
    full = types.SimpleNamespace(free=10)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: full)
        with pytest.raises(downloads.NotAvailable, match="Free some space"):
            fetch(address=address + "/good", size=300_000, checksum=SHA)

    def write_fails(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloads, "_progress", write_fails)
    with pytest.raises(downloads.NotAvailable, match="No space left"):
        fetch(address=address + "/good", checksum=SHA)


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="cifar-10-python.tar.gz"):
        downloads.fetch("imagenet")


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "png")
    return file.getvalue()


def pack(path, files):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(path, "w:gz") as archive:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Puts a small archive into the cache and makes its checksum the one that is wanted."""
    monkeypatch.setattr(downloads, "CACHE", tmp_path)

    def archive(name, files):
        pack(tmp_path / name, files)
        checksum = "sha256:" + hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        monkeypatch.setitem(downloads.FILES, name, ("http://127.0.0.1:9/", None, checksum))

    return archive


def test_cifar10_is_read_channels_last(place):
    names = [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]
    pixels = np.arange(3 * 1024, dtype=np.uint16).astype(np.uint8)[None]
    batch = pickle.dumps({b"data": pixels, b"labels": [7]})
    place("cifar-10-python.tar.gz", {f"cifar-10-batches-py/{name}": batch for name in names})
    (images, labels), (test, _) = downloads.load_cifar10()
    assert images.shape == (5, 32, 32, 3) and test.shape == (1, 32, 32, 3) and labels.tolist() == [7] * 5
    np.testing.assert_array_equal(images[0, :, :, 1], pixels[0, 1024:2048].reshape(32, 32))


@pytest.fixture
def pets(place):
    """Six pictures of three breeds, each with the left half as the pet; one stray file of a Mac."""
    trimap = np.ones((8, 8), np.uint8)
    trimap[:, 4:] = 2
    photo = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 100, 50)).save(photo, "jpeg")
    names = [f"{breed}_{number}" for breed in ("great_pyrenees", "Abyssinian", "beagle") for number in (1, 2)]
    place("pets-images.tar.gz", {f"images/{name}.jpg": photo.getvalue() for name in names})
    files = {f"annotations/trimaps/{name}.png": png(trimap) for name in names}
    place("pets-annotations.tar.gz", files | {"annotations/trimaps/._beagle_1.png": b"x"})


def test_pets_have_one_class_for_each_pixel(pets):
    found = downloads.load_pets(size=4)
    assert found["images"].shape == (6, 4, 4, 3) and found["semantic"].dtype == np.int32
    np.testing.assert_array_equal(found["semantic"][0], [[0, 0, 1, 1]] * 4)


def test_pets_have_a_breed_cats_first_and_a_few_of_them_are_of_every_breed(pets):
    found = downloads.load_pets(size=4)
    assert found["labels"].tolist() == [0, 0, 1, 1, 2, 2] and found["labels"].dtype == np.int32
    assert found["breeds"][::2].tolist() == ["Abyssinian", "beagle", "great_pyrenees"]
    few = downloads.load_pets(size=4, count=3)
    assert few["labels"].tolist() == [0, 1, 2] and few["images"].shape[0] == few["semantic"].shape[0] == 3
    assert downloads.load_pets(size=4, count=100)["labels"].shape == (6,)


def test_penn_fudan_boxes_are_tight_around_the_masks(place):
    people = np.zeros((10, 10), np.uint8)
    people[2:6, 1:4], people[3:9, 6:8] = 1, 2
    files = {"PennFudanPed/PNGImages/A.png": png(np.zeros((10, 10, 3), np.uint8))}
    place("PennFudanPed.zip", files | {"PennFudanPed/PedMasks/A_mask.png": png(people)})
    batch = downloads.load_penn_fudan(size=10)
    np.testing.assert_array_equal(batch["boxes"][0], [[1, 2, 4, 6], [6, 3, 8, 9]])
    assert batch["labels"].tolist() == [[3, 3]] and batch["masks"].sum() == 24
    np.testing.assert_array_equal(batch["semantic"][0], np.where(people, 3, 0))
    np.testing.assert_array_equal(batch["panoptic"][0, ..., 1], people)


def test_a_damaged_archive_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "CACHE", tmp_path)
    monkeypatch.setitem(downloads.FILES, "PennFudanPed.zip", ("http://127.0.0.1:9/", 9, None))
    (tmp_path / "PennFudanPed.zip").write_bytes(b"not a zip")
    with pytest.raises(downloads.NotAvailable, match="damaged"):
        downloads.load_penn_fudan()
    assert list(tmp_path.iterdir()) == []


def test_what_is_optional_and_not_here_is_none_with_the_reason(fetch, capsys):
    assert downloads.if_available(fetch, address="http://127.0.0.1:9/nothing") is None
    said = capsys.readouterr().out
    assert said.startswith("Going on without it: ") and "or go on without it" in said
    with pytest.raises(TypeError):  # every other error is a mistake and stays one
        downloads.if_available(downloads.load_pets, sizes=3)
