"""POST /predict: what goes in, what comes out, what is refused."""

import io
import threading

from uploading import BLUE, GREEN, RED, picture, upload

FIELDS = [
    "id",
    "filename",
    "predicted_label",
    "confidence",
    "all_scores",
    "created_at",
    "model_version",
    "known",
    "unknown_score",
]


def test_a_picture_is_classified_and_answered_with_exactly_the_promised_fields(client):
    response = upload(client, picture(BLUE), filename="ball.png")
    assert response.status_code == 200
    assert list(response.json) == FIELDS
    assert response.json["predicted_label"] == "tennis_ball"
    assert response.json["filename"] == "ball.png"
    assert response.json["model_version"] == "3"


def test_scores_go_from_likely_to_unlikely_and_add_up_to_one(client):
    scores = upload(client, picture((200, 90, 20))).json["all_scores"]
    assert list(scores) == ["basketball", "football", "tennis_ball"]
    assert abs(sum(scores.values()) - 1) < 1e-6


def test_times_are_rfc_3339_in_utc(client):
    created_at = upload(client, picture()).json["created_at"]
    assert len(created_at) == 27
    assert created_at.endswith("Z")


def test_what_was_answered_is_in_the_history(client):
    answered = upload(client, picture()).json
    assert client.get(f"/predictions/{answered['id']}").json == answered


def test_several_pictures_are_answered_in_order_each_with_its_own_result(client):
    answer = upload(client, picture(RED), b"<svg/>", picture(GREEN)).json["predictions"]
    assert [one.get("predicted_label") for one in answer] == ["basketball", None, "football"]
    assert answer[1]["problem"]["code"] == "not_an_image"
    assert answer[1]["problem"]["status"] == 400


def test_several_pictures_are_scored_in_one_call(client, scoring_server):
    upload(client, *[picture()] * 8)
    assert scoring_server.control()["largest_batch"] == 8


def test_more_pictures_than_a_batch_are_all_answered(make_app):
    client = make_app(BATCH_MAX=3).test_client()
    answer = upload(client, *[picture(RED), picture(BLUE)] * 5).json["predictions"]
    assert [one["predicted_label"] for one in answer] == ["basketball", "tennis_ball"] * 5


def test_no_file_is_400(client):
    response = client.post("/predict", data={}, content_type="multipart/form-data; boundary=x")
    assert (response.status_code, response.json["code"]) == (400, "no_image")
    response = client.post("/predict", data={"img": "text"}, content_type="multipart/form-data")
    assert (response.status_code, response.json["code"]) == (400, "no_image")


def test_another_content_type_is_415(client):
    response = client.post("/predict", data=picture(), content_type="image/png")
    assert (response.status_code, response.json["code"]) == (415, "not_multipart")


def test_zero_bytes_are_400_and_never_reach_the_model(client, scoring_server):
    response = upload(client, b"")
    assert (response.status_code, response.json["code"]) == (400, "empty")
    assert scoring_server.control()["calls"] == 0


def test_a_damaged_picture_is_400_in_our_words(client):
    response = upload(client, picture(form="JPEG", size=(900, 900))[:2000])
    assert (response.status_code, response.json["code"]) == (400, "damaged")
    assert "/a/path" not in response.text


def test_too_many_bytes_are_413(make_app):
    client = make_app(MAX_UPLOAD_BYTES=2_000).test_client()
    response = upload(client, picture() + bytes(2_000))
    assert (response.status_code, response.json["code"]) == (413, "too_many_bytes")
    response = upload(client, bytes(200_000))
    assert (response.status_code, response.json["code"]) == (413, "request_too_large")


def test_too_many_pictures_are_413(make_app):
    client = make_app(MAX_PICTURES=2).test_client()
    response = upload(client, *[picture()] * 3)
    assert (response.status_code, response.json["code"]) == (413, "too_many_pictures")


def test_file_names_lose_folders_and_control_characters_and_keep_their_language(client):
    for sent, kept in {
        "../../etc/passwd.png": "passwd.png",
        "Fußball ⚽ 足球.png": "Fußball ⚽ 足球.png",
        "a\x07b\u202egnp.png": "abgnp.png",
    }.items():
        assert upload(client, picture(), filename=sent).json["filename"] == kept


def test_a_retry_under_the_same_key_gives_the_stored_answer(client):
    headers = {"Idempotency-Key": "order-66"}
    first = upload(client, picture(RED), headers=headers)
    again = upload(client, picture(RED), headers=headers)
    assert again.json == first.json
    assert client.get("/predictions").json["total"] == 1


def test_another_picture_under_the_same_key_is_409(client):
    headers = {"Idempotency-Key": "order-66"}
    upload(client, picture(RED), headers=headers)
    response = upload(client, picture(BLUE), headers=headers)
    assert (response.status_code, response.json["code"]) == (409, "key_reused")


def test_a_bad_key_is_422(client):
    response = upload(client, picture(), headers={"Idempotency-Key": "not visible"})
    assert response.status_code == 422


def test_one_key_at_the_same_moment_stores_one_row(make_app, database_url):
    app = make_app(DATABASE_URL=database_url, BATCHES=8)
    answers = []

    def send():
        headers = {"Idempotency-Key": "same"}
        answers.append(upload(app.test_client(), picture(), headers=headers))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert app.test_client().get("/stats").json["total_predictions"] == 1


def test_request_ids_are_taken_or_made_and_returned(client):
    response = upload(client, picture(), headers={"X-Request-ID": "mine-1"})
    assert response.headers["X-Request-ID"] == "mine-1"
    response = upload(client, picture(), headers={"X-Request-ID": "bad id\t"})
    assert len(response.headers["X-Request-ID"]) == 32


def test_a_text_field_next_to_the_picture_does_no_harm(client):
    data = {"img": (io.BytesIO(picture()), "ball.png"), "note": "hello"}
    assert client.post("/predict", data=data).status_code == 200
