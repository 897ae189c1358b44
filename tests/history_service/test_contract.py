"""Whatever a client sends, the answer is one that openapi.json foresees; made by schemathesis."""

import io

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from real_parts import gunicorn
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from uploading import picture

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.negative_data_rejection,
    checks.positive_data_acceptance,
    checks.use_after_free,
]


EXAMPLES = 25
SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
OPERATIONS = [
    ("GET", "/"),
    ("POST", "/predict"),
    ("GET", "/predictions"),
    ("GET", "/predictions.csv"),
    ("GET", "/predictions/{prediction_id}"),
    ("GET", "/predictions/{prediction_id}/image"),
    ("DELETE", "/predictions/{prediction_id}"),
    ("DELETE", "/predictions"),
    ("GET", "/stats"),
    ("GET", "/categories"),
    ("GET", "/health"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
]


@pytest.fixture(scope="module")
def api(tmp_path_factory, scoring_url, key_and_line):
    """The schema that a running service gives of itself."""
    folder = tmp_path_factory.mktemp("contract")
    environment = {
        "DATABASE_URL": f"sqlite:///{folder}/history.db",
        "SCORING_URL": scoring_url,
        "API_KEYS": key_and_line[1],
        "KEEP_IMAGES": "thumb",
    }
    with gunicorn(**environment) as (url, _):
        yield schemathesis.openapi.from_url(f"{url}/openapi.json")


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_as_openapi_says(api, key_header, method, path, mode):
    operation = api[path][method]
    if mode is GenerationMode.NEGATIVE and not takes_anything(operation):
        return

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(SETTINGS)
    def check(case):
        # A longer line never reaches the application: the HTTP server itself refuses it.
        assume(len(case.as_transport_kwargs(base_url="")["url"] + str(case.query)) < 3_000)
        left_out = [] if can_be_known(case) else [checks.positive_data_acceptance]
        case.call_and_validate(headers=key_header, checks=CHECKS, excluded_checks=left_out)

    check()


def takes_anything(operation) -> bool:
    return bool(operation.body or operation.query)


def can_be_known(case) -> bool:
    """Whether a schema can tell that this is valid: not of a picture's bytes or a cursor's text."""
    return case.path != "/predict" and "cursor" not in (case.query or {})


def test_openapi_itself_is_valid_and_names_every_route(client):
    spec = client.get("/openapi.json").json
    assert {path for _, path in OPERATIONS} == set(spec["paths"])
    schemathesis.openapi.from_dict(spec).validate()


def test_a_prediction_and_several_fit_their_schema(client):
    spec = client.get("/openapi.json").json
    answer = spec["paths"]["/predict"]["post"]["responses"]["200"]["content"]["application/json"]
    validator = jsonschema.Draft202012Validator(
        {**answer["schema"], "components": spec["components"]}
    )
    for pictures in ([picture()], [picture(), b"bad"]):
        data = {"img": [(io.BytesIO(one), "a.png") for one in pictures]}
        validator.validate(client.post("/predict", data=data).json)
