#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "audit/audit.h"
#include "credence/client/author_key.h"
#include "credence/client/verify/author.h"
#include "credence/client/verify/entry_checker.h"
#include "credence/client/verify/hash.h"
#include "served.h"

// Authors' keys and signatures, between a client that signs and a server on a ledger on disk.
namespace credence::server {
namespace {

using client::AuthorKey;

constexpr auto kDenied = absl::StatusCode::kPermissionDenied;

AuthorKey KeyOf(const std::string& author, char seed) {
  return *AuthorKey::FromSeed(author, std::string(32, seed));
}

v1::CreateForecastRequest ForecastOf(const std::string& forecaster, double probability) {
  v1::CreateForecastRequest request;
  request.set_parent("questions/q");
  request.mutable_forecast()->set_forecaster("forecasters/" + forecaster);
  request.mutable_forecast()->set_probability(probability);
  return request;
}

class AuthorTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    MakeQuestion();
    MakeForecasters({"a", "b"});
  }

  [[nodiscard]] std::unique_ptr<client::Client> ClientOf(const AuthorKey& key) const {
    client::ClientOptions options = client->options();
    options.author_key = std::make_shared<const AuthorKey>(key);
    return std::make_unique<client::Client>(options);
  }

  static v1::RegisterAuthorKeyRequest Registration(const AuthorKey& key, bool required = false) {
    v1::RegisterAuthorKeyRequest request;
    request.set_parent(key.author());
    request.set_public_key(key.public_key());
    request.set_possession_signature(key.SignPossession("test/ledger"));
    request.set_signature_required(required);
    return request;
  }

  static v1::RevokeAuthorKeyRequest Revocation(const AuthorKey& key) {
    v1::RevokeAuthorKeyRequest request;
    request.set_parent(key.author());
    request.set_public_key(key.public_key());
    return request;
  }

  void Register(const AuthorKey& key, bool required = false) {
    const auto response = client->RegisterAuthorKey(Registration(key, required));
    ASSERT_TRUE(response.ok()) << response.status();
  }

  [[nodiscard]] event::v1::EventEnvelope EnvelopeAt(int64_t position) const {
    const auto entries = served->log->Read(ledger::Position{position}, {});
    EXPECT_TRUE(entries.ok() && !entries->empty());
    event::v1::EventEnvelope envelope;
    EXPECT_TRUE(envelope.ParseFromString(*entries->front().bytes));
    return envelope;
  }

  // The whole log by the verifier that shares no code with the server, and by the audit.
  [[nodiscard]] int64_t VerifiedSignatures() const {
    const auto key = client::ParseVerifierKey(served->log->verifier_key());
    EXPECT_TRUE(key.ok());
    client::EntryChecker checker(*key);
    const auto entries = served->log->Read(ledger::Position{0}, {});
    EXPECT_TRUE(entries.ok());
    for (const ledger::StoredEntry& entry : *entries) {
      const absl::Status taken = checker.Take(*entry.bytes);
      EXPECT_TRUE(taken.ok()) << taken;
    }
    EXPECT_EQ(checker.size(), tree_size());
    const auto audited = AuditLog(*served->log, [](int64_t) {});
    EXPECT_TRUE(audited.ok()) << audited.status();
    return checker.author_counts().signed_entries;
  }

  const AuthorKey key_ = KeyOf("forecasters/a", 'k');
  const AuthorKey other_ = KeyOf("forecasters/a", 'o');
};

TEST_F(AuthorTest, ASignedForecastIsStoredAsItWasSigned) {
  Register(key_);
  const auto author = ClientOf(key_);
  const auto created = author->CreateForecast(ForecastOf("a", 0.3));
  ASSERT_TRUE(created.ok()) << created.status();
  const auto envelope = EnvelopeAt(created->receipt().position());
  EXPECT_EQ(envelope.actor(), "forecasters/a");
  ASSERT_TRUE(envelope.has_author_signature());
  EXPECT_EQ(envelope.author_signature().public_key(), key_.public_key());
  event::v1::ForecastRecorded payload;
  ASSERT_TRUE(envelope.payload().UnpackTo(&payload));
  EXPECT_THAT(payload.states(), testing::ElementsAre("yes", "no"));
  EXPECT_THAT(payload.probabilities(), testing::ElementsAre(0.3, 0.7));
  EXPECT_EQ(created->forecast().name(), "questions/q/forecasts/" + payload.forecast());
  EXPECT_EQ(VerifiedSignatures(), 1);
}

TEST_F(AuthorTest, AllThatAnAuthorStatesIsSigned) {
  Register(key_, true);
  const auto author = ClientOf(key_);
  v1::BatchCreateForecastsRequest batch;
  for (const double probability : {0.2, 0.4, 0.4}) {
    v1::BatchForecastItem& item = *batch.add_items();
    item.set_parent("questions/q");
    item.mutable_forecast()->set_forecaster("forecasters/a");
    item.mutable_forecast()->set_probability(probability);
  }
  batch.mutable_items(2)->mutable_forecast()->set_forecaster("forecasters/b");
  batch.mutable_items(0)->mutable_effective_time()->set_seconds(
      absl::ToUnixSeconds(Instant("2026-01-15T00:00:00Z")));
  const auto batched = author->BatchCreateForecasts(batch);
  ASSERT_TRUE(batched.ok()) << batched.status();
  EXPECT_EQ(VerifiedSignatures(), 2);
  auto evidence = Text<v1::CreateEvidenceRequest>(R"pb(
    parent: "questions/q"
    evidence { model { node: "d" summary: "A report" likelihood_ratio: 2 } })pb");
  ExpectError(author->CreateEvidence(evidence), absl::StatusCode::kInvalidArgument,
              "FIELD_REQUIRED", "evidence.model.occur_time");
  evidence.mutable_evidence()->mutable_model()->mutable_occur_time()->set_seconds(1769000000);
  const auto recorded = author->CreateEvidence(evidence);
  ASSERT_TRUE(recorded.ok()) << recorded.status();
  v1::SupersedeEvidenceRequest supersede;
  supersede.set_name(recorded->evidence().name());
  *supersede.mutable_evidence()->mutable_model() = evidence.evidence().model();
  const auto superseded = author->SupersedeEvidence(supersede);
  ASSERT_TRUE(superseded.ok()) << superseded.status();
  v1::RetractEvidenceRequest retract;
  retract.set_name(superseded->evidence().name());
  ASSERT_TRUE(author->RetractEvidence(retract).ok());
  v1::WithdrawForecastRequest withdraw;
  withdraw.set_parent("questions/q");
  withdraw.set_forecaster("forecasters/a");
  const auto withdrawn = author->WithdrawForecast(withdraw);
  ASSERT_TRUE(withdrawn.ok()) << withdrawn.status();
  EXPECT_EQ(VerifiedSignatures(), 6);
}

TEST_F(AuthorTest, ASignatureHoldsWhenTheTextsThatItIsOverAreErased) {
  Register(key_);
  const auto author = ClientOf(key_);
  v1::CreateForecastRequest request = ForecastOf("a", 0.3);
  request.mutable_forecast()->set_rationale("As I was told.");
  request.mutable_options()->set_request_id("one-write");
  const auto created = author->CreateForecast(request);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(created->forecast().rationale(), "As I was told.");
  EXPECT_EQ(VerifiedSignatures(), 1);
  const auto again = author->CreateForecast(request);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->receipt().duplicate());
  v1::EraseTextsRequest erase;
  erase.add_positions(created->receipt().position());
  erase.set_rationale("asked for");
  const auto erased = client->EraseTexts(erase);
  ASSERT_TRUE(erased.ok()) << erased.status();
  EXPECT_EQ(VerifiedSignatures(), 1);
}

TEST_F(AuthorTest, WhatIsUnsignedIsRefusedOfWhoSignsEverything) {
  Register(key_, true);
  Restart();
  const int64_t size = tree_size();
  ExpectError(client->CreateForecast(ForecastOf("a", 0.3)), kDenied, "SIGNATURE_REQUIRED", "");
  ExpectError(ClientOf(KeyOf("forecasters/b", 'b'))->CreateForecast(ForecastOf("a", 0.3)), kDenied,
              "SIGNATURE_REQUIRED", "");
  auto evidence = Text<v1::CreateEvidenceRequest>(R"pb(
    parent: "networks/n"
    evidence { model { node: "d" likelihood_ratio: 2 } }
    options { actor: "forecasters/a" })pb");
  ExpectError(client->CreateEvidence(evidence), kDenied, "SIGNATURE_REQUIRED", "");
  EXPECT_EQ(tree_size(), size);
  // Others are not concerned, and what would be may be asked without a signature.
  EXPECT_TRUE(client->CreateForecast(ForecastOf("b", 0.3)).ok());
  v1::CreateForecastRequest dry = ForecastOf("a", 0.3);
  dry.mutable_options()->set_validate_only(true);
  EXPECT_TRUE(client->CreateForecast(dry).ok());
}

TEST_F(AuthorTest, EvidenceOfASourceThatSignsEverythingIsItsOwn) {
  v1::CreateSourceRequest source;
  source.set_source_id("wire");
  ASSERT_TRUE(client->CreateSource(source).ok());
  const AuthorKey wire = KeyOf("sources/wire", 'w');
  Register(wire, true);
  Register(key_);
  const auto evidence = Text<v1::CreateEvidenceRequest>(R"pb(
    parent: "networks/n"
    evidence {
      model {
        node: "d"
        source: "wire"
        likelihood_ratio: 2
        occur_time { seconds: 1769000000 }
      }
    })pb");
  ExpectError(client->CreateEvidence(evidence), kDenied, "SIGNATURE_REQUIRED", "");
  ExpectError(ClientOf(key_)->CreateEvidence(evidence), kDenied, "SIGNATURE_REQUIRED", "");
  const auto recorded = ClientOf(wire)->CreateEvidence(evidence);
  EXPECT_TRUE(recorded.ok()) << recorded.status();
  EXPECT_EQ(VerifiedSignatures(), 1);
}

// A write with a statement made by hand, so that parts of it can be wrong.
class StatementTest : public AuthorTest {
 protected:
  void SetUp() override {
    AuthorTest::SetUp();
    Register(key_);
    request_ = ForecastOf("a", 0.3);
    request_.set_forecast_id("mine");
    request_.mutable_options()->set_request_id("one-write");
    payload_.set_question("q");
    payload_.set_forecast("mine");
    payload_.set_forecaster("a");
    payload_.add_probabilities(0.3);
    payload_.add_probabilities(1.0 - 0.3);
    payload_.add_states("yes");
    payload_.add_states("no");
  }

  void Sign(const AuthorKey& key, const std::string& request_id = "one-write",
            const std::string& origin = "test/ledger") {
    v1::SignedStatement& statement = *request_.mutable_options()->add_statements();
    statement.set_payload_type("credence.event.v1.ForecastRecorded");
    statement.set_payload(payload_.SerializeAsString());
    statement.mutable_signature()->set_author(key.author());
    statement.mutable_signature()->set_public_key(key.public_key());
    statement.mutable_signature()->set_signature(key.Sign(client::StatementBytes(
        {origin, key.author(), statement.payload_type(), request_id, time_, statement.payload()})));
    if (!time_.has_value()) return;
    statement.mutable_signature()->mutable_effective_time()->set_seconds(time_->seconds);
  }

  void ExpectRefused(const std::string& field) {
    const int64_t size = tree_size();
    ExpectError(client->CreateForecast(request_), kDenied, "SIGNATURE_INVALID",
                "options.statements[0]." + field);
    EXPECT_EQ(tree_size(), size);
  }

  v1::CreateForecastRequest request_;
  event::v1::ForecastRecorded payload_;
  std::optional<client::EntryTime> time_;
};

TEST_F(StatementTest, ThatSaysWhatTheRequestSaysIsTakenOnce) {
  Sign(key_);
  const auto first = client->CreateForecast(request_);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto again = client->CreateForecast(request_);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->receipt().duplicate());
  EXPECT_EQ(EnvelopeAt(first->receipt().position()).payload().value(),
            payload_.SerializeAsString());
}

// Protobuf has many encodings of one message: the author's is the one that is kept.
TEST_F(StatementTest, IsKeptInTheBytesThatWereSigned) {
  Sign(key_);
  v1::SignedStatement& statement = *request_.mutable_options()->mutable_statements(0);
  // The question twice, the last one counts.
  event::v1::ForecastRecorded other;
  other.set_question("another");
  statement.set_payload(other.SerializeAsString() + payload_.SerializeAsString());
  statement.mutable_signature()->set_signature(
      key_.Sign(client::StatementBytes({"test/ledger", key_.author(), statement.payload_type(),
                                        "one-write", std::nullopt, statement.payload()})));
  const auto created = client->CreateForecast(request_);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(EnvelopeAt(created->receipt().position()).payload().value(), statement.payload());
  EXPECT_EQ(VerifiedSignatures(), 1);
}

TEST_F(StatementTest, ThatSaysSomethingElseIsRefused) {
  payload_.set_probabilities(0, 0.9);
  payload_.set_probabilities(1, 0.1);
  Sign(key_);
  ExpectRefused("payload");
}

TEST_F(StatementTest, HoldsTheDigestsOfTheTextsThatTheRequestSays) {
  const std::string salt(32, 's');
  request_.mutable_forecast()->set_rationale("As I was told.");
  event::v1::TextDigest& digest = *payload_.add_text_digests();
  digest.set_field("rationale");
  digest.set_digest(
      std::string(client::BytesOf(client::Sha256(absl::StrCat(salt, "As I was told.")))));
  const auto sign = [&](const std::string& with) {
    request_.mutable_options()->clear_statements();
    Sign(key_);
    v1::TextSalt& salted =
        *request_.mutable_options()->mutable_statements(0)->add_text_salts();
    salted.set_field("rationale");
    salted.set_salt(with);
  };
  sign(std::string(32, 't'));
  ExpectRefused("payload");
  sign("s");
  ExpectRefused("payload");
  sign(salt);
  request_.mutable_forecast()->set_rationale("As I was not told.");
  ExpectRefused("payload");
  request_.mutable_forecast()->clear_rationale();
  ExpectRefused("payload");
  request_.mutable_forecast()->set_rationale("As I was told.");
  const auto created = client->CreateForecast(request_);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(created->forecast().rationale(), "As I was told.");
  EXPECT_EQ(VerifiedSignatures(), 1);
}

TEST_F(StatementTest, ThatHoldsATextItselfIsRefused) {
  request_.mutable_forecast()->set_rationale("As I was told.");
  payload_.set_rationale("As I was told.");
  Sign(key_);
  ExpectRefused("payload");
}

TEST_F(StatementTest, WithStatesInAnotherOrderIsRefused) {
  payload_.set_states(0, "no");
  payload_.set_states(1, "yes");
  Sign(key_);
  ExpectRefused("payload");
}

TEST_F(StatementTest, WithWhatThisServerDoesNotKnowIsRefused) {
  payload_.GetReflection()->MutableUnknownFields(&payload_)->AddVarint(900, 1);
  Sign(key_);
  ExpectRefused("payload");
}

TEST_F(StatementTest, OfAnotherWriteOrLedgerIsRefused) {
  Sign(key_, "another-write");
  ExpectRefused("signature");
  request_.mutable_options()->clear_statements();
  Sign(key_, "one-write", "another/ledger");
  ExpectRefused("signature");
}

TEST_F(StatementTest, UnderAKeyThatIsNotInForceIsRefused) {
  Sign(other_);
  ExpectRefused("signature.public_key");
  request_.mutable_options()->clear_statements();
  ASSERT_TRUE(client->RevokeAuthorKey(Revocation(key_)).ok());
  Sign(key_);
  ExpectRefused("signature.public_key");
}

TEST_F(StatementTest, OfAnotherAuthorIsRefused) {
  const AuthorKey b = KeyOf("forecasters/b", 'b');
  Register(b);
  Sign(b);
  ExpectRefused("signature.author");
}

TEST_F(StatementTest, ThatCountsFromAnotherTimeIsRefused) {
  time_ = client::EntryTime{absl::ToUnixSeconds(Instant("2026-01-15T00:00:00Z")), 0};
  Sign(key_);
  ExpectRefused("signature.effective_time");
  // Neither can the write be put back behind the author's back.
  request_.mutable_options()->clear_statements();
  request_.mutable_options()->mutable_effective_time()->set_seconds(time_->seconds);
  time_.reset();
  Sign(key_);
  ExpectRefused("signature.effective_time");
}

TEST_F(StatementTest, NeedsARequestIdAndAType) {
  Sign(key_);
  request_.mutable_options()->mutable_statements(0)->set_payload_type("no.such.Type");
  ExpectError(client->CreateForecast(request_), absl::StatusCode::kInvalidArgument, "FIELD_INVALID",
              "options.statements[0].payload_type");
}

TEST_F(AuthorTest, AFurtherKeyIsSignedForByOneInForce) {
  Register(key_);
  ExpectError(client->RegisterAuthorKey(Registration(key_)), absl::StatusCode::kFailedPrecondition,
              "WRONG_STATE", "");
  ExpectError(client->RegisterAuthorKey(Registration(other_)), kDenied, "SIGNATURE_REQUIRED", "");
  const auto author = ClientOf(key_);
  const auto rotated = author->RegisterAuthorKey(Registration(other_, true));
  ASSERT_TRUE(rotated.ok()) << rotated.status();
  ASSERT_TRUE(author->RevokeAuthorKey(Revocation(key_)).ok());
  ExpectError(author->CreateForecast(ForecastOf("a", 0.3)), kDenied, "SIGNATURE_INVALID",
              "options.statements[0].signature.public_key");
  EXPECT_TRUE(ClientOf(other_)->CreateForecast(ForecastOf("a", 0.3)).ok());
  v1::ListAuthorKeysRequest list;
  list.set_parent("forecasters/a");
  const auto keys = client->ListAuthorKeys(list);
  ASSERT_TRUE(keys.ok()) << keys.status();
  ASSERT_THAT(keys->keys(), testing::SizeIs(2));
  EXPECT_TRUE(keys->keys(0).has_revoked_position());
  EXPECT_FALSE(keys->keys(1).has_revoked_position());
  EXPECT_TRUE(keys->signature_required());
  // Without a key in force there is no other to be had.
  ASSERT_TRUE(client->RevokeAuthorKey(Revocation(other_)).ok());
  const AuthorKey third = KeyOf("forecasters/a", 't');
  ExpectError(ClientOf(other_)->RegisterAuthorKey(Registration(third)), kDenied,
              "SIGNATURE_INVALID", "options.statements[0].signature.public_key");
  ExpectError(client->RevokeAuthorKey(Revocation(third)), absl::StatusCode::kNotFound, "NOT_FOUND",
              "");
  EXPECT_EQ(VerifiedSignatures(), 3);
}

TEST_F(AuthorTest, AKeyIsRegisteredByItsHolderForSomebodyWhoExists) {
  v1::RegisterAuthorKeyRequest request = Registration(key_);
  request.set_possession_signature(other_.SignPossession("test/ledger"));
  ExpectError(client->RegisterAuthorKey(request), kDenied, "SIGNATURE_INVALID",
              "possession_signature");
  ExpectError(client->RegisterAuthorKey(Registration(KeyOf("forecasters/nobody", 'n'))),
              absl::StatusCode::kNotFound, "NOT_FOUND", "");
  request = Registration(key_);
  request.set_parent("questions/q");
  ExpectError(client->RegisterAuthorKey(request), absl::StatusCode::kInvalidArgument,
              "NAME_INVALID", "parent");
  request = Registration(key_);
  request.set_public_key("short");
  ExpectError(client->RegisterAuthorKey(request), absl::StatusCode::kInvalidArgument,
              "FIELD_INVALID", "public_key");
  request = Registration(key_);
  request.mutable_options()->mutable_effective_time()->set_seconds(1768000000);
  ExpectError(client->RegisterAuthorKey(request), absl::StatusCode::kInvalidArgument,
              "TIME_INVALID", "options.effective_time");
}

}  // namespace
}  // namespace credence::server
