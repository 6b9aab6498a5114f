#include "main/witness/witness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "credence/base/error.h"
#include "credence/client/verify/merkle.h"
#include "credence/client/verify/witness_client.h"
#include "http_client.h"
#include "merkle_model.h"
#include "note_signer.h"
#include "served.h"
#include "witness_server.h"

// A witness by the table of C2SP tlog-witness, over a socket.
namespace credence::server {
namespace {

using client::AddCheckpointRequest;
using client::Checkpoint;
using client::Hash;
using client::MerkleModel;
using client::NoteSigner;
using client::SignatureType;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kOrigin[] = "example.org/log";

std::string ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class WitnessTest : public testing::Test {
 protected:
  std::string CheckpointNote(size_t size, MerkleModel& model) const {
    return signer_.Note(
        client::FormatCheckpoint({kOrigin, static_cast<int64_t>(size), model.Root(size), {}}));
  }
  std::string CheckpointNote(size_t size) { return CheckpointNote(size, model_); }

  // A right request from one size of `model` to another.
  std::string Body(size_t old_size, size_t size, MerkleModel& model) const {
    AddCheckpointRequest request{static_cast<int64_t>(old_size), {}, CheckpointNote(size, model)};
    if (old_size > 0 && old_size < size) request.proof = model.ConsistencyPath(old_size, size);
    return client::FormatAddCheckpoint(request);
  }
  std::string Body(size_t old_size, size_t size) { return Body(old_size, size, model_); }

  HttpClient::Response Post(const std::string& body) {
    return HttpClient(server_.port()).Post("/add-checkpoint", body, "text/plain");
  }

  // The answer is a cosignature, by the witness and now, of the checkpoint of `size`.
  void ExpectCosigned(const HttpClient::Response& response, size_t size) {
    ASSERT_EQ(response.result_int(), 200U) << response.body();
    EXPECT_THAT(response.body(), StartsWith("\xe2\x80\x94 example.net/w "));
    const auto note = client::ParseNote(CheckpointNote(size) + response.body());
    ASSERT_TRUE(note.ok()) << note.status();
    EXPECT_TRUE(client::VerifyNote(*note, server_.key()).ok());
    const int64_t time = client::CosignatureTime(note->signatures.back()).value();
    EXPECT_LE(std::abs(time - absl::ToUnixSeconds(absl::Now())), 60);
  }

  void ExpectConflict(const HttpClient::Response& response, size_t latest) {
    EXPECT_EQ(response.result_int(), 409U) << response.body();
    EXPECT_EQ(response.body(), Cat(latest, "\n"));
    EXPECT_EQ(response[http::field::content_type], "text/x.tlog.size");
  }

  [[nodiscard]] std::string StatePath() const {
    return Cat(server_.directory(), "/logs/", client::ToHex(client::Sha256(kOrigin)));
  }

  TemporaryDirectory directory_;
  const NoteSigner signer_{kOrigin};
  MerkleModel model_{300};
  // What a log that lies shows to others.
  MerkleModel fork_{300, "leaf of a fork "};
  WitnessServer server_{directory_.path() + "/w", "example.net/w", {{kOrigin, signer_.key()}}};
};

TEST_F(WitnessTest, CosignsALogThatGrowsFromEverySize) {
  size_t old_size = 0;
  for (const size_t size : std::vector<size_t>{1, 1, 2, 7, 8, 64, 65, 200, 200, 300}) {
    ExpectCosigned(Post(Body(old_size, size)), size);
    old_size = size;
  }
}

TEST_F(WitnessTest, KeepsAConnectionOpen) {
  HttpClient client(server_.port());
  ExpectCosigned(client.Post("/add-checkpoint", Body(0, 3), "text/plain"), 3);
  ExpectCosigned(client.Post("/add-checkpoint", Body(3, 9), "text/plain"), 9);
}

TEST_F(WitnessTest, MalformedBodiesAre400) {
  const std::string note = CheckpointNote(5);
  for (const std::string& body :
       {std::string(), note, "old\n\n" + note, "old 00\n\n" + note, "old -1\n\n" + note,
        "old  0\n\n" + note, "old 0\n" + note, std::string("old 0\n\n"), "old 0\nshort\n\n" + note,
        "old 0\n\n" + note.substr(0, note.size() - 1), "old 0\r\n\r\n" + note,
        "old 9223372036854775808\n\n" + note}) {
    EXPECT_EQ(Post(body).result_int(), 400U) << body;
  }
  std::string many = "old 1\n";
  for (int i = 0; i < 64; ++i) many += client::ToBase64(client::BytesOf(model_.Root(1))) + "\n";
  EXPECT_EQ(Post(many + "\n" + note).result_int(), 400U);
  ExpectCosigned(Post(Body(0, 5)), 5);
}

TEST_F(WitnessTest, AnOldSizeLargerThanTheCheckpointIs400) {
  EXPECT_EQ(Post(Body(6, 5)).result_int(), 400U);
  // Also where it is the size that was cosigned last: a log does not shrink.
  ExpectCosigned(Post(Body(0, 6)), 6);
  EXPECT_EQ(Post(Body(6, 5)).result_int(), 400U);
}

TEST_F(WitnessTest, AnUnknownOriginIs404) {
  const NoteSigner other("example.org/other");
  AddCheckpointRequest request;
  request.note = other.Note(client::FormatCheckpoint({"example.org/other", 5, model_.Root(5), {}}));
  EXPECT_EQ(Post(client::FormatAddCheckpoint(request)).result_int(), 404U);
}

TEST_F(WitnessTest, AnUnknownOrWrongSignatureIs403) {
  const NoteSigner stranger(kOrigin, SignatureType::kEd25519, 'x');
  const std::string text = client::FormatCheckpoint({kOrigin, 5, model_.Root(5), {}});
  AddCheckpointRequest request;
  request.note = stranger.Note(text);
  EXPECT_EQ(Post(client::FormatAddCheckpoint(request)).result_int(), 403U);
  // The right key, over another text.
  request.note = client::FormatNote({text, {signer_.Sign("something else\n")}});
  EXPECT_EQ(Post(client::FormatAddCheckpoint(request)).result_int(), 403U);
  // Beside a right one others are ignored.
  request.note = client::FormatNote({text, {stranger.Sign(text), signer_.Sign(text)}});
  EXPECT_EQ(Post(client::FormatAddCheckpoint(request)).result_int(), 200U);
}

TEST_F(WitnessTest, AWrongOldSizeIs409AndNamesTheRightOne) {
  ExpectConflict(Post(Body(3, 10)), 0);
  ExpectCosigned(Post(Body(0, 10)), 10);
  ExpectConflict(Post(Body(0, 20)), 10);
  ExpectConflict(Post(Body(9, 20)), 10);
  ExpectConflict(Post(Body(0, 10)), 10);
  ExpectConflict(Post(Body(5, 8)), 10);
  ExpectCosigned(Post(Body(10, 20)), 20);
}

TEST_F(WitnessTest, ABadProofIs422) {
  AddCheckpointRequest request{0, {model_.Root(1)}, CheckpointNote(10)};
  EXPECT_EQ(Post(client::FormatAddCheckpoint(request)).result_int(), 422U)
      << "from size 0 the proof is empty";
  ExpectCosigned(Post(Body(0, 10)), 10);
  request = {10, {}, CheckpointNote(20)};
  EXPECT_EQ(Post(client::FormatAddCheckpoint(request)).result_int(), 422U);
  request.proof = model_.ConsistencyPath(10, 20);
  request.proof.back()[7] ^= 1;
  EXPECT_EQ(Post(client::FormatAddCheckpoint(request)).result_int(), 422U);
  request = {10, {model_.Root(1)}, CheckpointNote(10)};
  EXPECT_EQ(Post(client::FormatAddCheckpoint(request)).result_int(), 422U)
      << "between equal sizes the proof is empty";
  ExpectCosigned(Post(Body(10, 20)), 20);
}

TEST_F(WitnessTest, AForkIs422AndTheSameSizeWithAnotherRootIs409) {
  ExpectCosigned(Post(Body(0, 100)), 100);
  EXPECT_EQ(Post(Body(100, 120, fork_)).result_int(), 422U);
  const HttpClient::Response same = Post(Body(100, 100, fork_));
  EXPECT_EQ(same.result_int(), 409U);
  EXPECT_NE(same[http::field::content_type], "text/x.tlog.size");
  // Both trees are kept, under the log's own signatures.
  ASSERT_EQ(server_.evidence().size(), 1U);
  EXPECT_EQ(ReadBytes(server_.evidence()[0]), CheckpointNote(100, fork_));
  EXPECT_THAT(ReadBytes(server_.evidence()[0] + ".cosigned"), StartsWith(CheckpointNote(100)));
  ExpectCosigned(Post(Body(100, 101)), 101);
}

TEST_F(WitnessTest, AnEmptyTreeHasTheRootOfNothing) {
  const auto empty = [&](const Hash& root) {
    AddCheckpointRequest request;
    request.note = signer_.Note(client::FormatCheckpoint({kOrigin, 0, root, {}}));
    return Post(client::FormatAddCheckpoint(request));
  };
  EXPECT_EQ(empty(model_.Root(1)).result_int(), 409U);
  EXPECT_EQ(empty(client::EmptyRoot()).result_int(), 200U);
  EXPECT_EQ(empty(client::EmptyRoot()).result_int(), 200U);
  ExpectCosigned(Post(Body(0, 4)), 4);
  ExpectConflict(empty(client::EmptyRoot()), 4);
}

TEST_F(WitnessTest, ExtensionLinesAreCosignedToo) {
  const std::string text =
      client::FormatCheckpoint({kOrigin, 5, model_.Root(5), {"more", "lines"}});
  AddCheckpointRequest request;
  request.note = signer_.Note(text);
  const HttpClient::Response response = Post(client::FormatAddCheckpoint(request));
  ASSERT_EQ(response.result_int(), 200U);
  const auto note = client::ParseNote(request.note + response.body());
  EXPECT_TRUE(client::VerifyNote(*note, server_.key()).ok());
}

TEST_F(WitnessTest, OtherPathsAndMethodsAreRefused) {
  HttpClient client(server_.port());
  EXPECT_EQ(client.Get("/add-checkpoint").result_int(), 405U);
  EXPECT_EQ(client.Get("/").result_int(), 404U);
  EXPECT_EQ(client.Post("/other", Body(0, 1)).result_int(), 404U);
  EXPECT_EQ(client.Get("/healthz").result_int(), 200U);
}

TEST_F(WitnessTest, RemembersOverARestart) {
  ExpectCosigned(Post(Body(0, 100)), 100);
  server_.Stop();
  server_.Start();
  ExpectConflict(Post(Body(0, 50)), 100);
  EXPECT_EQ(Post(Body(100, 100, fork_)).result_int(), 409U);
  ExpectCosigned(Post(Body(100, 150)), 150);
}

TEST_F(WitnessTest, WhatIsCosignedIsOnDiskBeforeItIsAnswered) {
  const HttpResponse answer = server_.witness().AddCheckpoint(Body(0, 33));
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(ReadBytes(StatePath()), CheckpointNote(33) + answer.body);
}

TEST_F(WitnessTest, NothingIsCosignedThatCannotBeKept) {
  ExpectCosigned(Post(Body(0, 10)), 10);
  // A directory cannot be replaced by a file, whoever tries.
  std::filesystem::remove(StatePath());
  std::filesystem::create_directories(StatePath() + "/in-the-way");
  const HttpClient::Response response = Post(Body(10, 20));
  EXPECT_EQ(response.result_int(), 500U);
  EXPECT_THAT(response.body(), testing::Not(HasSubstr("example.net/w")));
  std::filesystem::remove_all(StatePath());
  ExpectCosigned(Post(Body(10, 20)), 20);
}

TEST_F(WitnessTest, KilledBetweenDiskAndAnswerItGoesOnFromWhatItKept) {
  ExpectCosigned(Post(Body(0, 50)), 50);
  server_.Stop();
  const std::string body = Body(50, 100);
  const pid_t child = fork();
  if (child == 0) {
    WitnessOptions options;
    options.directory = server_.directory();
    options.logs = {{kOrigin, signer_.key()}};
    const auto witness = Witness::Open(std::move(options));
    // The answer is made and nobody ever gets it.
    if (witness.ok() && (*witness)->AddCheckpoint(body).status == 200) kill(getpid(), SIGKILL);
    _exit(1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  server_.Start();
  // The log, which got no answer, asks again; another history of that size is not cosigned.
  ExpectConflict(Post(body), 100);
  EXPECT_EQ(Post(Body(100, 100, fork_)).result_int(), 409U);
  ExpectConflict(Post(Body(50, 80, fork_)), 100);
  ExpectCosigned(Post(Body(100, 100)), 100);
}

TEST_F(WitnessTest, ADamagedRecordStopsIt) {
  ExpectCosigned(Post(Body(0, 50)), 50);
  server_.Stop();
  const std::string bytes = ReadBytes(StatePath());
  WitnessOptions options;
  options.directory = server_.directory();
  options.logs = {{kOrigin, signer_.key()}};
  // In its text and in the cosignature, which is the last line; the log's own signature between
  // them is not what the record stands on.
  for (const size_t at : {size_t{5}, bytes.find("\n\n") - 5, bytes.size() - 5}) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    std::ofstream(StatePath(), std::ios::binary) << damaged;
    EXPECT_TRUE(absl::IsDataLoss(Witness::Open(options).status())) << at;
  }
  std::ofstream(StatePath(), std::ios::binary) << "";
  EXPECT_TRUE(absl::IsDataLoss(Witness::Open(options).status()));
  std::ofstream(StatePath(), std::ios::binary) << bytes;
  server_.Start();
  ExpectConflict(Post(Body(0, 10)), 50);
}

TEST_F(WitnessTest, JunkSignaturesAreNotKept) {
  client::SignedNote note = client::ParseNote(CheckpointNote(5)).value();
  const NoteSigner junk("junk", SignatureType::kEd25519, 'j');
  while (note.signatures.size() < 100) note.signatures.push_back(junk.Sign(note.text));
  AddCheckpointRequest request;
  request.note = client::FormatNote(note);
  EXPECT_EQ(Post(client::FormatAddCheckpoint(request)).result_int(), 200U);
  server_.Stop();
  server_.Start();
  ExpectCosigned(Post(Body(5, 6)), 6);
}

TEST_F(WitnessTest, OneProcessAtATime) {
  WitnessOptions options;
  options.directory = server_.directory();
  options.logs = {{kOrigin, signer_.key()}};
  EXPECT_EQ(Witness::Open(options).status().code(), absl::StatusCode::kFailedPrecondition);
  options.directory = directory_.path() + "/none";
  EXPECT_EQ(Witness::Open(options).status().code(), absl::StatusCode::kFailedPrecondition);
}

// Checking and keeping are one step: of many requests from one size to different ones, one wins,
// and the witness never goes back.
TEST_F(WitnessTest, ManyAtOnceNeverRollBack) {
  ExpectCosigned(Post(Body(0, 10)), 10);
  std::vector<std::string> bodies;
  for (size_t size = 11; size <= 60; ++size) bodies.push_back(Body(10, size));
  std::atomic<size_t> next = 0;
  std::atomic<int> cosigned = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (size_t at = next++; at < bodies.size(); at = next++) {
        if (server_.witness().AddCheckpoint(bodies[at]).status == 200) ++cosigned;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cosigned, 1);
}

TEST_F(WitnessTest, ALogMayHaveAnOriginOtherThanItsKeysName) {
  const std::string key = client::FormatVerifierKey(signer_.key());
  const absl::StatusOr<WitnessedLog> named = ParseWitnessedLog("go.sum database tree " + key);
  ASSERT_TRUE(named.ok());
  EXPECT_EQ(named->origin, "go.sum database tree");
  EXPECT_EQ(ParseWitnessedLog(key)->origin, kOrigin);
  EXPECT_FALSE(ParseWitnessedLog("no key").ok());
  EXPECT_FALSE(ParseWitnessedLog(client::FormatVerifierKey(server_.key())).ok());
}

// --- The client of it ---

TEST_F(WitnessTest, TheClientAsksAgainFromTheSizeThatItIsTold) {
  ExpectCosigned(Post(Body(0, 40)), 40);
  const auto client = client::WitnessClient::Make(server_.Entry("w"), absl::Seconds(30)).value();
  const auto cosign = [&](size_t size, MerkleModel& model) {
    const Checkpoint checkpoint{kOrigin, static_cast<int64_t>(size), model.Root(size), {}};
    return client->Cosign(checkpoint, CheckpointNote(size, model), [&, size](int64_t old_size) {
      return model.ConsistencyPath(static_cast<size_t>(old_size), size);
    });
  };
  EXPECT_TRUE(cosign(60, model_).ok());
  EXPECT_EQ(client->known_size(), 60);
  ExpectCosigned(Post(Body(60, 80)), 80);
  EXPECT_TRUE(cosign(90, model_).ok()) << "another client was faster";
  const absl::Status older = cosign(50, model_).status();
  EXPECT_EQ(older.code(), absl::StatusCode::kFailedPrecondition) << older;
  EXPECT_EQ(GetErrorDetail(older).metadata.at("size"), "90");
  EXPECT_TRUE(absl::IsDataLoss(cosign(90, fork_).status()));
  EXPECT_TRUE(absl::IsDataLoss(cosign(95, fork_).status()));
  server_.Stop();
  EXPECT_TRUE(absl::IsUnavailable(cosign(95, model_).status()));
  server_.Start();
  EXPECT_TRUE(cosign(95, model_).ok()) << "the connection is made again";
}

TEST_F(WitnessTest, TheClientBelievesNoOtherKey) {
  client::Witness entry = server_.Entry("w");
  entry.key = NoteSigner("example.net/w", SignatureType::kCosignature, 'o').key();
  const auto client = client::WitnessClient::Make(entry, absl::Seconds(30)).value();
  const Checkpoint checkpoint{kOrigin, 5, model_.Root(5), {}};
  const auto none = [](int64_t) { return std::vector<Hash>(); };
  EXPECT_TRUE(absl::IsDataLoss(client->Cosign(checkpoint, CheckpointNote(5), none).status()));
  const NoteSigner other("example.org/other");
  const Checkpoint unknown{"example.org/other", 5, model_.Root(5), {}};
  EXPECT_TRUE(absl::IsNotFound(
      client->Cosign(unknown, other.Note(client::FormatCheckpoint(unknown)), none).status()));
  const NoteSigner stranger(kOrigin, SignatureType::kEd25519, 'x');
  EXPECT_TRUE(absl::IsPermissionDenied(
      client->Cosign(checkpoint, stranger.Note(client::FormatCheckpoint(checkpoint)), none)
          .status()));
}

}  // namespace
}  // namespace credence::server
