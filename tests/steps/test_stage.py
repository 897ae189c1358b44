"""The frame around stages: one line for people, the reason in the run, a folder only when whole."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from steps.shared import signals, stage
from steps.shared.alone import FolderTaken, held_alone
from steps.shared.stage import StageError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tracking, tmp_path, capsys):
    """Runs `work` as the stage split; returns exit code, the run and what went to stderr."""

    def run(work, *flags):
        code = 0
        try:
            stage.run("split", work, ["--out", str(tmp_path / "out"), *flags])
        except SystemExit as end:
            code = end.code
        (newest,) = mlflow.search_runs(output_format="list", max_results=1)
        return code, newest, capsys.readouterr().err

    return run


def good(args, out):
    (out / "a.txt").write_text("a")
    return {"files": ["a.txt"], "count": 1}


def wrong(args, out):
    raise StageError("no photographs: add some.")


def broken(args, out):
    raise KeyError("oops")


def interrupted(args, out):
    raise KeyboardInterrupt


def killed(args, out):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)


def test_a_finished_stage_leaves_its_folder_manifest_and_tags(run, tmp_path):
    code, done, _ = run(good)

    manifest = stage.read_manifest(tmp_path / "out")
    assert (code, done.info.status) == (0, "FINISHED")
    assert (manifest["count"], manifest["run_id"]) == (1, done.info.run_id)
    assert done.data.tags["stage.digest"] == manifest["digest"]
    assert done.data.params["seed"] == "1"
    assert not (tmp_path / "out.partial").exists()


@pytest.mark.parametrize(
    ("work", "code", "status"),
    [
        (wrong, 1, "FAILED"),
        (broken, 1, "FAILED"),
        (interrupted, 130, "KILLED"),
        (killed, 130, "KILLED"),
    ],
)
def test_what_goes_wrong_shows_in_exit_code_and_status(run, tmp_path, work, code, status):
    got, failed, said = run(work)

    assert (got, failed.info.status) == (code, status)
    assert not (tmp_path / "out").exists()
    assert "Traceback" not in said
    assert said.strip().startswith("split: ")


def test_a_failed_run_says_why_in_a_tag(run):
    _, failed, said = run(wrong)

    assert failed.data.tags["stage.error"] == "no photographs: add some."
    assert said == "split: no photographs: add some.\n"


def test_the_trace_of_the_unexpected_is_an_artefact(run):
    _, failed, said = run(broken)

    text = mlflow.artifacts.load_text(f"{failed.info.artifact_uri}/traceback.txt")
    assert "KeyError: 'oops'" in text
    assert "traceback.txt of run" in said


def test_a_full_disk_is_named_without_a_trace(run):
    def full(args, out):
        raise OSError(errno.ENOSPC, "No space left on device", str(out / "files.csv"))

    code, failed, said = run(full)

    assert code == 1
    assert re.fullmatch(r"split: no place is left on the disk for \S+files\.csv: make .*\n", said)
    assert failed.info.status == "FAILED"


def test_two_runs_do_not_write_one_folder(run, tmp_path):
    with held_alone(tmp_path / "out.partial"):
        (tmp_path / "out.partial" / "half.npy").touch()
        code, _, said = run(good)

        assert code == 1
        assert said.startswith(f"split: another run is writing {tmp_path}/out: wait for it")
        assert (tmp_path / "out.partial" / "half.npy").exists()
    assert run(good)[0] == 0
    assert not (tmp_path / "out" / "half.npy").exists()


def test_a_process_that_is_killed_holds_no_folder(tmp_path):
    hold = "import sys, time; from pathlib import Path; from steps.shared.alone import held_alone\n"
    hold += "with held_alone(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", hold, str(tmp_path / "out")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(FolderTaken), held_alone(tmp_path / "out"):
            pass
        other.kill()

    with held_alone(tmp_path / "out"):
        assert (tmp_path / "out").is_dir()


def test_a_link_leads_to_the_folder_and_a_mount_point_is_refused(run, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    assert run(good, "--out", str(tmp_path / "link"))[0] == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "elsewhere" / "a.txt").is_file()
    assert "is a mount point, which stays: name a folder inside it" in run(good, "--out", "/")[2]


@pytest.mark.parametrize(
    ("out", "reason"),
    [(".", "holds the current folder"), ("..", "holds the current folder"), ("file", "is a file")],
)
def test_where_no_folder_can_be_put_is_said_before_any_work(run, tmp_path, out, reason):
    (tmp_path / "file").touch()
    worked = []

    code, failed, _ = run(lambda *_: worked.append(1), "--out", out)

    assert (code, worked) == (1, [])
    assert f"--out {(tmp_path / out).resolve()} {reason}" in failed.data.tags["stage.error"]


def test_a_place_where_no_run_can_be_kept_is_named(tracking, tmp_path, capsys):
    (tmp_path / "file").touch()
    nowhere = f"sqlite:///{tmp_path}/file/mlflow.db"
    mlflow.set_tracking_uri(nowhere)

    with pytest.raises(SystemExit) as end:
        stage.run("split", good, ["--out", str(tmp_path / "out")])

    assert end.value.code == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"split: no run can be started at {nowhere}: ")


def test_a_failure_leaves_the_folder_of_before(run, tmp_path):
    run(good)
    before = stage.read_manifest(tmp_path / "out")

    run(wrong)

    assert stage.read_manifest(tmp_path / "out") == before


def test_a_folder_of_other_files_is_not_overwritten(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").touch()

    code, failed, _ = run(good)

    assert code == 1
    assert "holds files that no stage wrote" in failed.data.tags["stage.error"]
    assert (tmp_path / "out" / "thesis.txt").exists()


def test_the_folder_of_another_stage_is_not_overwritten(run, tmp_path):
    (tmp_path / "out").mkdir()
    stage.write_json(tmp_path / "out" / stage.MANIFEST, {"stage": "train"})

    code, failed, _ = run(good)

    assert code == 1
    assert "holds what train wrote" in failed.data.tags["stage.error"]


def test_digests_follow_names_and_contents(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("1")
    before = stage.digest(tmp_path, ["folder"])
    (tmp_path / "folder" / "a").rename(tmp_path / "folder" / "b")

    assert stage.digest(tmp_path, ["folder"]) != before


def test_outside_a_stage_there_is_no_run(tracking):
    with pytest.raises(RuntimeError, match="no stage is running"):
        stage.run_id()


STUBBORN = """
import os, time
from steps.shared import signals, stage

def work(args, out):
    try:
        print("begun", flush=True)
        time.sleep(60)
    finally:
        time.sleep(60)  # what waits for a worker that does not end

stage.run("split", work, ["--out", os.environ["OUT"]])
"""


def test_who_asks_a_second_time_waits_no_longer(tracking, tmp_path):
    environment = os.environ | {"OUT": str(tmp_path / "out"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", STUBBORN]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGTERM)
        time.sleep(signals.PASSED_ON_S + 0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 130


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_process_ends_the_run_as_killed(tracking, tmp_path, kind):
    command = [sys.executable, "-m", "steps.ingest", "--per-category", "5000"]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "out")],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        # In the background of a shell SIGINT is ignored, and a process inherits that.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    client = MlflowClient()
    ends = time.monotonic() + 60
    while not list(tmp_path.rglob("*.jpg")) and time.monotonic() < ends:
        time.sleep(0.1)

    process.send_signal(kind)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)  # as `mlflow run` passes a Ctrl-C on
    _, said = process.communicate(timeout=60)

    experiment = os.environ["MLFLOW_EXPERIMENT_ID"]
    (killed_run,) = client.search_runs([experiment])
    assert process.returncode == 130
    assert killed_run.info.status == "KILLED"
    assert "ingest: interrupted" in said
    assert not list(tmp_path.glob("unpacking-*")), "nothing half-written stays"
