"""Signatures by the Python client against a real server: python_signing_test.py PROGRAM

What it signs is checked by both verifiers, which share no code with it.
"""

import json
import pathlib
import sys
import unittest
from datetime import datetime

import credence.aio
from credence import errors, v1
from credence.signing import AuthorKey
from served import Server, run

ANALYST = "forecasters/analyst-7"


def forecast(probability, question="rain", **fields):
    request = v1.CreateForecastRequest(parent=f"questions/{question}")
    request.forecast.forecaster = ANALYST
    request.forecast.probability = probability
    request.forecast.rationale = "The barometer falls."
    for name, value in fields.items():
        setattr(request.options, name, value)
    return request


def report(source, ratio, **fields):
    request = v1.CreateEvidenceRequest(parent="questions/rain")
    request.options.actor = source
    model = request.evidence.model
    model.node, model.summary, model.likelihood_ratio = "rain", "Clouds", ratio
    model.source = source
    model.occur_time.FromDatetime(datetime(2026, 1, 2))
    for name, value in fields.items():
        setattr(request.evidence.model, name, value)
    return request


def registration(key, origin, required=True):
    return v1.RegisterAuthorKeyRequest(
        parent=key.author, public_key=key.public_key, signature_required=required,
        possession_signature=key.sign_possession(origin))


class SigningTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(PROGRAM, origin="example.org/signed")
        self.addCleanup(self.server.close)
        self.client = credence.Client(self.server.endpoint, timeout=300)
        self.addCleanup(self.client.close)
        request = v1.CreateQuestionRequest(question_id="rain")
        request.question.title = "Will it rain?"
        request.question.close_time.FromDatetime(datetime(2040, 1, 1))
        request.question.prior.fixed.probabilities.extend([0.2, 0.8])
        self.client.create_question(request)
        self.client.create_forecaster(v1.CreateForecasterRequest(forecaster_id="analyst-7"))
        self.client.create_source(v1.CreateSourceRequest(source_id="station"))

    def key(self, author=ANALYST, name="a"):
        path = self.server.folder / f"{name}.key"
        self.printed = self.server.cli("author", "keygen", author, path)
        return AuthorKey.read(path)

    def signed(self, author=ANALYST, name="a"):
        """A key that signs everything of its author, in use."""
        key = self.key(author, name)
        self.client.register_author_key(registration(key, "example.org/signed"))
        self.client.sign_with(key)
        return key

    def verified(self):
        """What both verifiers say of the exported ledger: they must agree."""
        copy = self.server.folder / "copy"
        self.server.cli("export", copy)
        first = json.loads(self.server.cli("verify", copy, "--key", self.server.key,
                                           "--recompute", "--output", "json"))
        second = json.loads(run("/usr/bin/python3", "-m", "credence.verify", copy, "--key",
                                self.server.key, "--output", "json"))
        self.assertEqual(first["verified"], True)
        self.assertEqual(second["verified"], True)
        return second

    def test_a_key_file_is_read_as_the_command_wrote_it(self):
        key = self.key()
        self.assertEqual(key.author, ANALYST)
        self.assertIn(key.verifier_key, self.printed)

    def test_what_is_no_key_file_is_refused(self):
        path = self.server.folder / "a.key"
        self.key()
        text = path.read_text(encoding="utf-8")
        for broken in ("", "PRIVATE+KEY+", text.replace("analyst-7", "analyst-8"), text[:-5],
                       text.replace("PRIVATE", "PUBLIC")):
            path.write_text(broken, encoding="utf-8")
            with self.subTest(broken), self.assertRaisesRegex(ValueError, "is no author's key"):
                AuthorKey.read(path)
        with self.assertRaisesRegex(ValueError, "author"):
            AuthorKey("analyst-7", bytes(32))

    def test_what_a_forecaster_states_is_signed_and_verifies(self):
        self.signed()
        unsigned = credence.Client(self.server.endpoint, timeout=300)
        self.addCleanup(unsigned.close)
        with self.assertRaises(errors.SignatureRequired):
            unsigned.create_forecast(forecast(0.7))
        self.client.create_forecast(forecast(0.7))
        batch = v1.BatchCreateForecastsRequest()
        for probability in (0.6, 0.65):
            item = batch.items.add(parent="questions/rain")
            item.forecast.CopyFrom(forecast(probability).forecast)
        self.client.batch_create_forecasts(batch)
        self.client.withdraw_forecast(v1.WithdrawForecastRequest(
            parent="questions/rain", forecaster=ANALYST, rationale="I cannot say any more."))
        self.assertEqual(self.verified()["signed"], 4)

    def test_a_repeat_is_the_same_statement(self):
        self.signed()
        request = forecast(0.7, request_id="8e7ac0f4-5a25-4f0a-9b52-8d6b4e35f7e1")
        first = self.client.create_forecast(request)
        second = self.client.create_forecast(request)
        self.assertFalse(first.receipt.duplicate)
        self.assertTrue(second.receipt.duplicate)
        self.assertEqual(first.receipt.position, second.receipt.position)

    def test_what_a_source_reports_is_signed(self):
        self.signed("sources/station")
        with self.assertRaisesRegex(ValueError, "occur_time"):
            request = report("sources/station", 2.0)
            request.evidence.model.ClearField("occur_time")
            self.client.create_evidence(request)
        created = self.client.create_evidence(report("sources/station", 2.0))
        replacing = v1.SupersedeEvidenceRequest(name=created.evidence.name)
        replacing.options.actor = "sources/station"
        replacing.evidence.model.CopyFrom(report("sources/station", 3.0).evidence.model)
        replaced = self.client.supersede_evidence(replacing)
        retraction = v1.RetractEvidenceRequest(name=replaced.evidence.name, rationale="Misread")
        retraction.options.actor = "sources/station"
        self.client.retract_evidence(retraction)
        self.assertEqual(self.verified()["signed"], 3)

    def test_what_others_state_is_left_as_it_is(self):
        self.signed()
        self.client.create_evidence(report("sources/station", 2.0))
        self.assertEqual(self.verified()["signed"], 0)

    def test_a_key_signs_for_the_next_and_a_revoked_one_signs_nothing(self):
        first = self.signed()
        second = self.key(name="b")
        self.client.register_author_key(registration(second, "example.org/signed"))
        self.client.sign_with(second)
        self.client.revoke_author_key(v1.RevokeAuthorKeyRequest(parent=ANALYST,
                                                                public_key=first.public_key))
        self.client.create_forecast(forecast(0.7))
        self.client.sign_with(first)
        with self.assertRaises(errors.CredenceError):
            self.client.create_forecast(forecast(0.8))
        self.assertEqual(self.verified()["signed"], 3)

    def test_an_altered_statement_is_refused(self):
        key = self.signed()

        class Forger(AuthorKey):
            """Signs something else than what is sent."""

            def __init__(self):  # Its key is that of the author.
                self.__dict__.update(key.__dict__)

            def sign(self, data):
                return super().sign(data + b"!")

        self.client.sign_with(Forger())
        with self.assertRaises(errors.CredenceError):
            self.client.create_forecast(forecast(0.7))
        self.assertEqual(self.verified()["signed"], 0)


class AsyncSigningTest(unittest.IsolatedAsyncioTestCase):
    async def test_the_client_for_asyncio_signs_alike(self):
        server = Server(PROGRAM, origin="example.org/signed")
        self.addCleanup(server.close)
        server.cli("author", "keygen", ANALYST, server.folder / "a.key")
        key = AuthorKey.read(server.folder / "a.key")
        async with credence.aio.Client(server.endpoint, timeout=300) as client:
            request = v1.CreateQuestionRequest(question_id="rain")
            request.question.title = "Will it rain?"
            request.question.close_time.FromDatetime(datetime(2040, 1, 1))
            request.question.prior.fixed.probabilities.extend([0.2, 0.8])
            await client.create_question(request)
            await client.create_forecaster(v1.CreateForecasterRequest(forecaster_id="analyst-7"))
            await client.register_author_key(registration(key, "example.org/signed"))
            with self.assertRaises(errors.SignatureRequired):
                await client.create_forecast(forecast(0.7))
            client.sign_with(key)
            response = await client.create_forecast(forecast(0.7))
            self.assertEqual(response.forecast.probabilities[0].probability, 0.7)


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
