"""Two hundred broken or hostile uploads: each has its right answer, and the service stays well."""

from collections import Counter

import pytest
import urllib3
from hostile_uploads import hostile_uploads
from real_parts import gunicorn

UPLOADS = hostile_uploads()


@pytest.fixture(scope="module")
def service(tmp_path_factory, scoring_url):
    folder = tmp_path_factory.mktemp("hostile")
    environment = {
        "DATABASE_URL": f"sqlite:///{folder}/history.db",
        "SCORING_URL": scoring_url,
        "KEEP_IMAGES": "thumb",
        "DEADLINE_S": "30",
    }
    with gunicorn(**environment) as (url, _):
        yield url


def test_there_are_two_hundred_of_them():
    assert len(UPLOADS) >= 200
    assert max(Counter(name for name, *_ in UPLOADS).values()) == 1


def test_each_has_its_right_answer_and_the_service_is_well_after_all_of_them(service):
    pool = urllib3.PoolManager(retries=False, timeout=30)
    wrong, stored = [], 0
    for name, filename, data, allowed in UPLOADS:
        response = pool.request("POST", f"{service}/predict", fields={"img": (filename, data)})
        if response.status not in allowed:
            wrong.append((name, response.status, response.data[:200]))
        elif response.status != 200:
            assert response.headers["Content-Type"] == "application/problem+json", name
            assert response.json()["code"], name
        stored += response.status == 200
    assert wrong == []
    assert pool.request("GET", f"{service}/health/ready").status == 200
    assert pool.request("GET", f"{service}/stats").json()["total_predictions"] == stored


def test_all_of_them_at_once_in_batches_harm_no_good_picture(service):
    pool = urllib3.PoolManager(retries=False, timeout=30)
    for start in range(0, len(UPLOADS), 16):
        some = UPLOADS[start : start + 16]
        fields = [("img", (filename, data)) for _, filename, data, _ in some]
        response = pool.request("POST", f"{service}/predict", fields=fields)
        assert response.status == 200, response.data[:300]
        for (name, *_, allowed), one in zip(some, response.json()["predictions"], strict=True):
            assert one.get("problem", {"status": 200})["status"] in allowed, name
