#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "credence/base/strings.h"
#include "credence/client/verify/failure.h"
#include "credence/client/verify/log_verifier.h"
#include "credence/client/verify/merkle.h"
#include "credence/client/verify/witness_client.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "log_builder.h"
#include "note_signer.h"
#include "served.h"
#include "witness_server.h"

// A server that has the key and lies, in every way that it has: each lie is found by somebody who
// verifies the log for the first time, or else by a witness, which refuses its cosignature, and so
// by everybody who asks for one.
namespace credence::server {
namespace {

using client::LogBuilder;
using client::NoteSigner;

constexpr int kHonest = 600;
constexpr int kSeen = 500;
constexpr char kOrigin[] = "example.org/log";

std::string ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Who finds a lie.
enum class Finder { kVerifier, kWitness };

struct Lie {
  const char* name;
  // Changes the honest log of `kHonest` entries, of which the witness has cosigned `kSeen`.
  std::function<void(LogBuilder& log)> tell;
  Finder finder;
  // Changes the files after they were signed. May be empty.
  std::function<void(const std::string& directory)> tamper{};
};

std::ostream& operator<<(std::ostream& out, const Lie& lie) { return out << lie.name; }

LogBuilder::Envelope& At(LogBuilder& log, size_t position) { return log.envelopes()[position]; }

size_t FirstForecast(LogBuilder& log) {
  event::v1::ForecastRecorded forecast;
  size_t at = 100;
  while (!At(log, at).payload().UnpackTo(&forecast)) ++at;
  return at;
}

void EditForecast(LogBuilder& log) {
  event::v1::ForecastRecorded forecast;
  LogBuilder::Envelope& envelope = At(log, FirstForecast(log));
  envelope.payload().UnpackTo(&forecast);
  forecast.set_probabilities(0, 0.99);
  forecast.set_probabilities(1, 0.01);
  envelope.mutable_payload()->PackFrom(forecast);
}

void Drop(LogBuilder& log) {
  log.envelopes().erase(log.envelopes().begin() + static_cast<std::ptrdiff_t>(FirstForecast(log)));
}

void Swap(LogBuilder& log) { std::swap(At(log, 301), At(log, 302)); }

void BackDate(LogBuilder& log) {
  *At(log, 400).mutable_record_time() = At(log, 200).record_time();
  *At(log, 400).mutable_effective_time() = At(log, 200).record_time();
}

// Where it stands then, it was recorded earlier than it was.
void MoveEarlier(LogBuilder& log) {
  const LogBuilder::Envelope late = At(log, 400);
  log.envelopes().erase(log.envelopes().begin() + 400);
  log.envelopes().insert(log.envelopes().begin() + 200, late);
}

void EditFile(const std::string& directory) {
  const std::string path = directory + "/tile/entries/001";
  std::string bytes = ReadBytes(path);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  std::ofstream(path, std::ios::binary) << bytes;
}

// The past of a fork is the honest one; a sound log in itself.
void Fork(LogBuilder& log) {
  log.envelopes().resize(kSeen - 1);
  for (int i = 0; i < 50; ++i) log.AddForecast("q1", "analyst-1", 0.5);
  log.Reseal();
}

template <typename Change>
std::function<void(LogBuilder&)> Resealed(Change change) {
  return [change](LogBuilder& log) {
    change(log);
    log.Reseal();
  };
}

class LiarTest : public testing::TestWithParam<Lie> {
 protected:
  LiarTest() : log_(signer_), export_(directory_.path() + "/export") { log_.AddMany(kHonest - 1); }

  absl::StatusOr<client::VerifyReport> Verify(bool asks_witness) {
    const auto source = client::MakeDirectorySource(export_);
    client::VerifyOptions options;
    if (asks_witness) options.policy = client::WitnessPolicy::Threshold({server_.key()}, 1).value();
    return client::VerifyLog(*source, signer_.key(), options);
  }

  // Has the witness cosign the checkpoint of the export, with the best proof that there is.
  absl::Status Cosign() {
    const std::string note = ReadBytes(export_ + "/checkpoint");
    const client::Checkpoint checkpoint = client::OpenCheckpoint(note, signer_.key()).value();
    const auto witness = client::WitnessClient::Make(server_.Entry("w"), absl::Seconds(30)).value();
    const auto cosigned = witness->Cosign(
        checkpoint, note, [&](int64_t old_size) { return Prove(old_size, checkpoint.tree_size); });
    if (!cosigned.ok()) return cosigned.status();
    client::SignedNote whole = client::ParseNote(note).value();
    whole.signatures.push_back(cosigned->front());
    std::ofstream(export_ + "/checkpoint", std::ios::binary) << client::FormatNote(whole);
    return absl::OkStatus();
  }

  // RFC 6962, section 2.1.2, over the log as it is now.
  absl::StatusOr<std::vector<client::Hash>> Prove(int64_t old_size, int64_t size) {
    std::vector<client::Hash> leaves;
    for (const std::string& entry : log_.Entries()) leaves.push_back(client::LeafHash(entry));
    std::vector<client::Hash> path;
    Subproof(old_size, leaves, 0, size, true, path);
    return path;
  }
  static client::Hash Root(const std::vector<client::Hash>& leaves, int64_t begin, int64_t end) {
    client::TreeAccumulator tree;
    for (int64_t i = begin; i < end; ++i) tree.Append(leaves[static_cast<size_t>(i)]);
    return tree.root();
  }
  static void Subproof(int64_t old_size, const std::vector<client::Hash>& leaves, int64_t begin,
                       int64_t end, bool whole, std::vector<client::Hash>& path) {
    if (old_size == end - begin) {
      if (!whole) path.push_back(Root(leaves, begin, end));
      return;
    }
    int64_t half = 1;
    while (half * 2 < end - begin) half *= 2;
    const int64_t middle = begin + half;
    const bool left = old_size <= half;
    if (left) {
      Subproof(old_size, leaves, begin, middle, whole, path);
    } else {
      Subproof(old_size - half, leaves, middle, end, false, path);
    }
    path.push_back(left ? Root(leaves, middle, end) : Root(leaves, begin, middle));
  }

  TemporaryDirectory directory_;
  const NoteSigner signer_{kOrigin};
  LogBuilder log_;
  const std::string export_;
  WitnessServer server_{directory_.path() + "/w", "example.net/w", {{kOrigin, signer_.key()}}};
};

TEST_P(LiarTest, IsCaught) {
  log_.Write(export_, kSeen);
  ASSERT_TRUE(Cosign().ok());
  ASSERT_TRUE(Verify(true).ok());
  std::filesystem::remove_all(export_);
  GetParam().tell(log_);
  log_.Write(export_);
  if (GetParam().tamper) GetParam().tamper(export_);
  const absl::Status alone = Verify(false).status();
  if (GetParam().finder == Finder::kVerifier) {
    EXPECT_TRUE(client::IsVerificationFailure(alone)) << alone;
    return;
  }
  // Nothing is wrong with it by itself; only that another one was shown before.
  EXPECT_TRUE(alone.ok()) << alone;
  const absl::Status refused = Cosign();
  EXPECT_TRUE(absl::IsDataLoss(refused) || absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_TRUE(client::IsVerificationFailure(Verify(true).status()));
}

TEST_F(LiarTest, TheHonestLogGrowsAndIsCosigned) {
  log_.Write(export_, kSeen);
  ASSERT_TRUE(Cosign().ok());
  log_.Write(export_);
  EXPECT_TRUE(Cosign().ok());
  const auto report = Verify(true);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->cosignatures->not_after.has_value());
}

INSTANTIATE_TEST_SUITE_P(
    Lies, LiarTest,
    testing::Values(Lie{"Reordered", Swap, Finder::kVerifier},
                    Lie{"ReorderedAndSignedAnew", Resealed(Swap), Finder::kWitness},
                    Lie{"BackDated", BackDate, Finder::kVerifier},
                    Lie{"BackDatedAndSignedAnew", Resealed(MoveEarlier), Finder::kWitness},
                    Lie{"Edited", [](LogBuilder&) {}, Finder::kVerifier, EditFile},
                    Lie{"EditedAndSignedAnew", Resealed(EditForecast), Finder::kWitness},
                    Lie{"Dropped", Drop, Finder::kVerifier},
                    Lie{"DroppedAndSignedAnew", Resealed(Drop), Finder::kWitness},
                    Lie{"TheEndDropped",
                        [](LogBuilder& log) { log.envelopes().resize(kSeen - 20); },
                        Finder::kWitness},
                    Lie{"Forked", Fork, Finder::kWitness},
                    Lie{"ForkedAtTheSameSize",
                        [](LogBuilder& log) {
                          log.envelopes().resize(kSeen - 1);
                          log.AddForecast("q1", "analyst-1", 0.5);
                          log.Reseal();
                        },
                        Finder::kWitness}),
    [](const testing::TestParamInfo<Lie>& lie) { return lie.param.name; });

// The log signed again with a key that is not its: nobody who knows the right one believes it.
TEST_F(LiarTest, AnotherKeyIsCaughtByTheVerifierAndByTheWitness) {
  const NoteSigner other(kOrigin, client::SignatureType::kEd25519, 'x');
  LogBuilder::WriteEntries(export_, other, log_.Entries());
  EXPECT_TRUE(client::IsVerificationFailure(Verify(false).status()));
  const auto witness = client::WitnessClient::Make(server_.Entry("w"), absl::Seconds(30)).value();
  const std::string note = ReadBytes(export_ + "/checkpoint");
  const client::Checkpoint checkpoint = client::OpenCheckpoint(note, other.key()).value();
  EXPECT_TRUE(absl::IsPermissionDenied(
      witness->Cosign(checkpoint, note, [](int64_t) { return std::vector<client::Hash>(); })
          .status()));
}

// What a policy asks for cannot be made by the server: by hand, or from another checkpoint.
TEST_F(LiarTest, CosignaturesCannotBeMovedOrForged) {
  log_.Write(export_, kSeen);
  ASSERT_TRUE(Cosign().ok());
  client::SignedNote cosigned = client::ParseNote(ReadBytes(export_ + "/checkpoint")).value();
  log_.Write(export_);
  client::SignedNote note = client::ParseNote(ReadBytes(export_ + "/checkpoint")).value();
  note.signatures.push_back(cosigned.signatures.back());
  std::ofstream(export_ + "/checkpoint", std::ios::binary) << client::FormatNote(note);
  EXPECT_TRUE(client::IsVerificationFailure(Verify(true).status())) << "moved";
  // An earlier time than the witness stated.
  log_.Write(export_, kSeen);
  cosigned.signatures.back().bytes[6] ^= 1;
  std::ofstream(export_ + "/checkpoint", std::ios::binary) << client::FormatNote(cosigned);
  EXPECT_TRUE(client::IsVerificationFailure(Verify(true).status())) << "back-dated";
}

}  // namespace
}  // namespace credence::server
