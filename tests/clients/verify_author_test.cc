#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "credence/base/strings.h"
#include "credence/client/author_key.h"
#include "credence/client/verify/author.h"
#include "credence/client/verify/hash.h"
#include "credence/client/verify/note.h"
#include "credence/event/v1/author_events.pb.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/network_events.pb.h"
#include "verify_log_fixture.h"

namespace credence::client {
namespace {

using Envelope = LogBuilder::Envelope;

constexpr std::string_view kOrigin = "example.org/log";

AuthorKey KeyOf(const std::string& author, char seed) {
  return *AuthorKey::FromSeed(author, std::string(32, seed));
}

std::string Field(std::string_view text) {
  std::string field(7, '\0');
  field.push_back(static_cast<char>(text.size()));
  return Cat(field, text);
}

TEST(AuthorStatementTest, SaysEachPartAfterItsLength) {
  AuthorStatement statement{"o", "forecasters/a", "T", "r", std::nullopt, "p"};
  EXPECT_EQ(StatementBytes(statement),
            Cat("credence-statement/v1\n", Field("o"), Field("forecasters/a"), Field("T"),
                Field("r"), Field(""), Field("p")));
  statement.effective_time = EntryTime{-1, 2};
  EXPECT_EQ(StatementBytes(statement),
            Cat("credence-statement/v1\n", Field("o"), Field("forecasters/a"), Field("T"),
                Field("r"), Field(absl::HexStringToBytes("ffffffffffffffff00000002")), Field("p")));
  EXPECT_EQ(PossessionBytes("o", "forecasters/a", "k"),
            Cat("credence-author-key/v1\n", Field("o"), Field("forecasters/a"), Field("k")));
}

// RFC 8032, section 7.1, test 1.
TEST(AuthorKeyTest, SignsAsTheStandardSays) {
  const auto key = AuthorKey::FromSeed(
      "forecasters/a",
      absl::HexStringToBytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(absl::BytesToHexString(key->public_key()),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  EXPECT_EQ(
      absl::BytesToHexString(key->Sign("")),
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701"
      "cf9b46bd25bf5f0595bbe24655141438e7a100b");
}

// Base64 has a plus now and then, which also parts the fields of a key.
TEST(AuthorKeyTest, HasOneFormWhateverItsBytes) {
  const std::string path = testing::TempDir() + "/author-key-form-test.key";
  for (int seed = 0; seed < 64; ++seed) {
    const AuthorKey key = KeyOf("forecasters/a", static_cast<char>(seed));
    const auto verifier = ParseVerifierKey(key.verifier_key());
    ASSERT_TRUE(verifier.ok()) << key.verifier_key();
    EXPECT_EQ(verifier->name, "forecasters/a");
    std::filesystem::remove(path);
    ASSERT_TRUE(key.Write(path).ok());
    const auto read = AuthorKey::Read(path);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->public_key(), key.public_key());
  }
  std::filesystem::remove(path);
}

TEST(AuthorKeyTest, IsReadAsItWasWrittenAndNeverOverwritten) {
  const std::string path = testing::TempDir() + "/author-key-test.key";
  std::filesystem::remove(path);
  const auto key = AuthorKey::Generate("sources/wire");
  ASSERT_TRUE(key.ok()) << key.status();
  ASSERT_TRUE(key->Write(path).ok());
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const auto read = AuthorKey::Read(path);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->verifier_key(), key->verifier_key());
  EXPECT_EQ(read->Sign("x"), key->Sign("x"));
  EXPECT_TRUE(absl::IsAlreadyExists(key->Write(path)));
  EXPECT_NE(AuthorKey::Generate("sources/wire")->public_key(), key->public_key());
  std::filesystem::remove(path);
  EXPECT_TRUE(absl::IsNotFound(AuthorKey::Read(path).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(AuthorKey::Generate("wire").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(AuthorKey::FromSeed("sources/wire", "short").status()));
}

class VerifyAuthorTest : public VerifyLogTest {
 protected:
  // Signs what the entry says now.
  static void Sign(const AuthorKey& key, Envelope& envelope, std::string_view origin = kOrigin) {
    const std::string& url = envelope.payload().type_url();
    AuthorStatement statement{origin,
                              key.author(),
                              std::string_view(url).substr(url.rfind('/') + 1),
                              envelope.request_id(),
                              std::nullopt,
                              envelope.payload().value()};
    auto& signature = *envelope.mutable_author_signature();
    signature.set_author(key.author());
    signature.set_public_key(key.public_key());
    if (signature.has_effective_time()) {
      statement.effective_time =
          EntryTime{signature.effective_time().seconds(), signature.effective_time().nanos()};
    }
    signature.set_signature(key.Sign(StatementBytes(statement)));
  }

  Envelope& Register(const AuthorKey& key, bool required = false) {
    event::v1::AuthorKeyRegistered payload;
    payload.set_author(key.author());
    payload.set_public_key(key.public_key());
    payload.set_possession_signature(key.SignPossession(kOrigin));
    payload.set_signature_required(required);
    return log_.Add(key.author(), payload);
  }

  Envelope& Revoke(const AuthorKey& key) {
    event::v1::AuthorKeyRevoked payload;
    payload.set_author(key.author());
    payload.set_public_key(key.public_key());
    return log_.Add(key.author(), payload);
  }

  Envelope& AddSigned(const AuthorKey& key, double probability) {
    Envelope& envelope = log_.AddForecast("q", "a", probability);
    Sign(key, envelope);
    return envelope;
  }

  void ExpectBrokenLog(int64_t position, std::string_view what) {
    log_.Write(directory_);
    ExpectBroken(position, what);
  }

  static void SetProbability(Envelope& envelope, double probability) {
    event::v1::ForecastRecorded forecast;
    ASSERT_TRUE(envelope.payload().UnpackTo(&forecast));
    forecast.set_probabilities(0, probability);
    forecast.set_probabilities(1, 1 - probability);
    envelope.mutable_payload()->PackFrom(forecast);
  }

  const AuthorKey key_ = KeyOf("forecasters/a", 'a');
  const AuthorKey other_ = KeyOf("forecasters/a", 'o');
};

TEST_F(VerifyAuthorTest, WhatAuthorsSignedIsVerifiedByBothVerifiers) {
  log_.AddMany(20);
  Register(key_, true);
  AddSigned(key_, 0.3);
  log_.AddForecast("q", "b", 0.4);
  Sign(key_, Register(other_));
  Revoke(key_);
  AddSigned(other_, 0.6);
  // The last registration no longer asks for signatures.
  log_.AddForecast("q", "a", 0.5);
  Envelope& late = log_.AddForecast("q", "a", 0.1);
  late.mutable_effective_time()->set_seconds(1'500'000'000);
  late.set_backfilled(true);
  *late.mutable_author_signature()->mutable_effective_time() = late.effective_time();
  Sign(other_, late);
  log_.Write(directory_);
  ExpectSound();
  const auto report = Verify();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->author_counts.signed_entries, 4);
  EXPECT_EQ(report->author_counts.keys, 2);
  EXPECT_NE(python_output_.find("\"signed\": 4"), std::string::npos) << python_output_;
}

TEST_F(VerifyAuthorTest, AnAlteredPayloadIsFoundThoughTheTreeIsSignedAnew) {
  Register(key_);
  SetProbability(AddSigned(key_, 0.3), 0.9);
  ExpectBrokenLog(2, "is not what forecasters/a signed");
}

TEST_F(VerifyAuthorTest, ASignatureUnderAKeyOfTheOperatorIsFound) {
  Register(key_);
  AddSigned(other_, 0.3);
  ExpectBrokenLog(2, "never registered for forecasters/a");
  // Under the author's key it does not hold.
  log_.envelopes()[2].mutable_author_signature()->set_public_key(key_.public_key());
  ExpectBrokenLog(2, "is not what forecasters/a signed");
}

TEST_F(VerifyAuthorTest, AStatementMovedToAnotherWriteIsFound) {
  Register(key_);
  const Envelope first = AddSigned(key_, 0.3);
  AddSigned(key_, 0.6);
  Envelope& again = log_.AddForecast("q", "a", 0.3);
  *again.mutable_payload() = first.payload();
  *again.mutable_author_signature() = first.author_signature();
  ExpectBrokenLog(4, "is not what forecasters/a signed");
  // With the request id of the first one it stands twice.
  again.set_request_id(first.request_id());
  ExpectBrokenLog(4, "repeats what forecasters/a signed once");
}

TEST_F(VerifyAuthorTest, ARepeatIsFoundThoughTheFirstWasVerifiedBefore) {
  Register(key_);
  const Envelope first = AddSigned(key_, 0.3);
  log_.Write(directory_);
  ASSERT_TRUE(VerifyLater().ok());
  AddSigned(key_, 0.6);
  log_.Write(directory_);
  const auto later = VerifyLater();
  ASSERT_TRUE(later.ok()) << later.status();
  EXPECT_EQ(later->remembered, 3);
  EXPECT_EQ(later->author_counts.signed_entries, 2);
  Envelope& again = log_.AddForecast("q", "a", 0.3);
  *again.mutable_payload() = first.payload();
  *again.mutable_author_signature() = first.author_signature();
  again.set_request_id(first.request_id());
  log_.Write(directory_);
  EXPECT_TRUE(IsVerificationFailure(VerifyLater().status()));
}

TEST_F(VerifyAuthorTest, AnotherEffectiveTimeThanTheSignedOneIsFound) {
  Register(key_);
  Envelope& envelope = AddSigned(key_, 0.3);
  envelope.mutable_effective_time()->set_seconds(1'500'000'000);
  envelope.mutable_effective_time()->clear_nanos();
  envelope.set_backfilled(true);
  ExpectBrokenLog(2, "counts from another time than its author signed");
  auto& signature = *envelope.mutable_author_signature();
  signature.mutable_effective_time()->set_seconds(1'500'000'000);
  ExpectBrokenLog(2, "is not what forecasters/a signed");
  Sign(key_, envelope);
  log_.Write(directory_);
  ExpectSound();
  signature.mutable_effective_time()->set_seconds(1'400'000'000);
  Sign(key_, envelope);
  ExpectBrokenLog(2, "counts from another time than its author signed");
}

TEST_F(VerifyAuthorTest, AnUnsignedForecastOfWhoSignsEverythingIsFound) {
  Register(key_, true);
  log_.AddForecast("q", "a", 0.3);
  ExpectBrokenLog(2, "forecasters/a signs everything");
}

TEST_F(VerifyAuthorTest, AKeyThatTheOperatorAddsIsFound) {
  Register(key_);
  Register(other_);
  ExpectBrokenLog(2, "not signed for by a key that it had before");
  // Signed by itself, it is not in force yet.
  Sign(other_, log_.envelopes()[2]);
  ExpectBrokenLog(2, "never registered for forecasters/a");
}

TEST_F(VerifyAuthorTest, AKeyIsInForceFromItsRegistrationToItsRevocation) {
  AddSigned(key_, 0.3);
  ExpectBrokenLog(1, "never registered for forecasters/a");
  log_.envelopes().pop_back();
  log_.Reseal();
  Register(key_);
  Revoke(key_);
  log_.Write(directory_);
  ExpectSound();
  AddSigned(key_, 0.3);
  ExpectBrokenLog(3, "revoked at position 2");
  log_.envelopes().pop_back();
  log_.Reseal();
  Revoke(key_);
  ExpectBrokenLog(3, "was not in force");
}

TEST_F(VerifyAuthorTest, ARegistrationThatTheHolderDidNotMakeIsFound) {
  event::v1::AuthorKeyRegistered payload;
  payload.set_author("forecasters/a");
  payload.set_public_key(key_.public_key());
  payload.set_possession_signature(key_.SignPossession("example.org/another"));
  log_.Add("forecasters/a", payload);
  ExpectBrokenLog(1, "was not registered by its holder");
}

TEST_F(VerifyAuthorTest, ASignatureForAnotherLedgerOrByAnotherAuthorIsFound) {
  Register(key_);
  Sign(key_, log_.AddForecast("q", "a", 0.3), "example.org/another");
  ExpectBrokenLog(2, "is not what forecasters/a signed");
  log_.envelopes().pop_back();
  log_.Reseal();
  Sign(key_, log_.AddForecast("q", "b", 0.3));
  ExpectBrokenLog(2, "who is not its author, forecasters/b");
}

TEST_F(VerifyAuthorTest, EvidenceIsItsActorsAndThatOfASigningSourceIsItsOwn) {
  const AuthorKey wire = KeyOf("sources/wire", 'w');
  Register(wire, true);
  event::v1::EvidenceRecorded evidence;
  evidence.set_network("n");
  evidence.mutable_model()->set_source("sources/wire");
  log_.Add("networks/n", evidence);
  ExpectBrokenLog(2, "sources/wire, which signs everything");
  Envelope& entry = log_.envelopes()[2];
  Sign(wire, entry);
  ExpectBrokenLog(2, "signed by sources/wire, who is not its author, tester");
  entry.set_actor("sources/wire");
  log_.Write(directory_);
  ExpectSound();
  entry.clear_author_signature();
  ExpectBrokenLog(2, "signs everything");
}

// Sealed forecasts of a server that may lie.
class VerifySealTest : public VerifyAuthorTest {
 protected:
  VerifySealTest() {
    statement_.set_origin(std::string(kOrigin));
    statement_.set_question("q");
    statement_.set_forecaster("a");
    statement_.add_states("yes");
    statement_.add_probabilities(1);
  }

  void Seal(const std::string& forecaster = "a") {
    event::v1::ForecastSealed payload;
    payload.set_question("q");
    payload.set_forecast("mine");
    payload.set_forecaster(forecaster);
    payload.set_digest(std::string(BytesOf(Sha256(Cat(salt_, statement_.SerializeAsString())))));
    log_.Add("questions/q", payload, {Cat("forecasters/", forecaster, "/forecasts")});
  }

  Envelope& Reveal(const std::string& forecaster = "a") {
    event::v1::ForecastRevealed payload;
    payload.set_question("q");
    payload.set_forecast("mine");
    payload.set_forecaster(forecaster);
    payload.set_salt(salt_);
    payload.set_statement(statement_.SerializeAsString());
    return log_.Add("questions/q", payload, {Cat("forecasters/", forecaster, "/forecasts")});
  }

  std::string salt_ = std::string(32, 's');
  event::v1::SealedForecast statement_;
};

TEST_F(VerifySealTest, WhatIsRevealedAsItWasSealedIsVerifiedByBothVerifiers) {
  Seal();
  log_.Write(directory_);
  ASSERT_TRUE(VerifyLater().ok());
  Reveal();
  log_.Write(directory_);
  ExpectSound();
  EXPECT_NE(python_output_.find("\"revealed\": 1"), std::string::npos) << python_output_;
  const auto later = VerifyLater();
  ASSERT_TRUE(later.ok()) << later.status();
  EXPECT_EQ(later->remembered, 2);
  EXPECT_EQ(later->seal_counts.sealed, 1);
  EXPECT_EQ(later->seal_counts.revealed, 1);
}

TEST_F(VerifySealTest, WhatIsRevealedOtherwiseThanItWasSealedIsFound) {
  Seal();
  statement_.set_probabilities(0, 0.5);
  Reveal();
  ExpectBrokenLog(2, "not what was sealed");
}

TEST_F(VerifySealTest, ASealThatWasMadeForAnotherIsFound) {
  statement_.set_forecaster("b");
  Seal();
  Reveal();
  ExpectBrokenLog(2, "for another ledger, question or forecaster");
}

TEST_F(VerifySealTest, ARevealBySomebodyElseOrTwiceIsFound) {
  Seal();
  Reveal("b");
  ExpectBrokenLog(2, "who has no seal of it open");
  log_.envelopes().pop_back();
  log_.Reseal();
  Reveal();
  Reveal();
  ExpectBrokenLog(3, "who has no seal of it open");
}

// Another split of the same bytes would be another statement under the same hash.
TEST_F(VerifySealTest, ASaltOfAnotherLengthIsFound) {
  salt_ = std::string(31, 's');
  Seal();
  Reveal();
  ExpectBrokenLog(2, "not what was sealed");
}

TEST_F(VerifySealTest, ASealThatIsNotAmongItsForecastersIsFound) {
  Seal();
  log_.envelopes()[1].clear_links();
  ExpectBrokenLog(1, "forecasters/a/forecasts");
}

TEST_F(VerifyAuthorTest, AnEventThatNobodySignsHasNoSignature) {
  Register(key_);
  event::v1::NetworkCreated network;
  network.set_network("n");
  Sign(key_, log_.Add("networks/n", network));
  ExpectBrokenLog(2, "who is not its author");
}

}  // namespace
}  // namespace credence::client
