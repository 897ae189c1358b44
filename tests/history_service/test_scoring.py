"""The client of the scoring server, against servers that behave badly below HTTP."""

import socket
import threading
from contextlib import contextmanager

import pytest
from real_parts import free_port
from uploading import picture

from history_service.scoring import ScoringClient, Timeouts
from history_service.scoring_errors import ModelDown, ModelTooSlow
from history_service.served_model import ServedModel

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def server(*connections: list[bytes]):
    """Answers each connection's requests with these bytes, then closes it without a word."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen: list[int] = []

    def serve():
        for answers in connections:
            connection, _ = listener.accept()
            with connection:
                for answer in [*answers, b""]:
                    if connection.recv(65_536):
                        seen.append(len(answer))
                        connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", seen
    listener.close()


def client(url: str, read_s: float = 2.0) -> ScoringClient:
    return ScoringClient(url, Timeouts(connect_s=0.5, read_s=read_s), connections=2)


def test_a_connection_that_was_closed_while_idle_is_replaced_by_a_new_one():
    with server([OK], [OK]) as (url, seen):
        asking = client(url)
        asking.ping()
        asking.ping()
    assert seen[-1] == len(OK)


def test_a_server_that_only_hangs_up_is_down_after_one_more_try():
    with server([], []) as (url, seen), pytest.raises(ModelDown):
        client(url).ping()
    assert seen == [0, 0]


def test_a_server_that_is_silent_is_too_slow():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ModelTooSlow):
            client(url, read_s=0.1).ping()


def test_a_port_without_a_server_is_down():
    with pytest.raises(ModelDown):
        client(f"http://127.0.0.1:{free_port()}").score([picture()], left_s=1.0)


def test_time_outs_never_go_beyond_the_time_that_is_left():
    assert Timeouts(1.0, 10.0).within(0.5) == Timeouts(0.5, 0.5)
    assert Timeouts(1.0, 10.0).within(-3.0) == Timeouts(0.001, 0.001)


def test_the_model_is_asked_once_while_what_is_known_is_fresh(scoring_server):
    model = ServedModel(client(scoring_server.url), fresh_s=60)
    threads = [threading.Thread(target=model.state) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert model.state().loaded
    assert model.state().categories == ("basketball", "football", "tennis_ball")
    assert scoring_server.control()["calls"] == 1


def test_a_model_that_comes_back_is_noticed(scoring_server):
    scoring_server.control(status=500)
    model = ServedModel(client(scoring_server.url), fresh_s=0.0)
    assert not model.state().loaded
    scoring_server.control(status=200)
    assert model.state().loaded
