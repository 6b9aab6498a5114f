#include "credence/client/verify/log_verifier.h"

#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/client/verify/export_log.h"
#include "credence/client/verify/failure.h"
#include "credence/client/verify/tile.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/ledger_events.pb.h"
#include "log_builder.h"
#include "verify_log_fixture.h"

namespace credence::client {
namespace {

std::string ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

void WriteBytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST_F(VerifyLogTest, ASoundLogIsVerifiedByBothVerifiers) {
  log_.AddMany(1'200);
  log_.Write(directory_);
  const absl::StatusOr<VerifyReport> report = Verify();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->checkpoint.tree_size, 1'201);
  EXPECT_EQ(report->counts.entries, 1'201);
  EXPECT_EQ(report->counts.map_records, 12);
  EXPECT_GT(report->counts.chained_forecasts, 200);
  // The ledger, 11 networks, 7 questions, 3 forecasters.
  EXPECT_EQ(report->stream_count, 22);
  ExpectSound();
  EXPECT_NE(python_output_.find("\"streams\": 22"), std::string::npos) << python_output_;
}

TEST_F(VerifyLogTest, LogsOfEverySizeAroundATileAreVerified) {
  log_.AddMany(600);
  for (const int64_t size : {1, 2, 255, 256, 257, 511, 512, 513}) {
    directory_ = absl::StrCat(root_, "/", size);
    log_.Write(directory_, size);
    ExpectSound();
  }
}

TEST_F(VerifyLogTest, AVerificationGoesOnWhereTheLastOneEnded) {
  log_.AddMany(1'000);
  int64_t previous = 0;
  for (const int64_t size : {1, 100, 256, 300, 700, 700, 1'001}) {
    log_.Write(directory_, size);
    const absl::StatusOr<VerifyReport> report = VerifyLater();
    ASSERT_TRUE(report.ok()) << size << report.status();
    EXPECT_EQ(report->remembered, previous);
    previous = size;
    EXPECT_EQ(report->counts.entries, size);
    EXPECT_EQ(report->checkpoint.tree_size, size);
  }
  EXPECT_EQ(VerifyLater()->remembered, 1'001);
  std::filesystem::remove(Remembering().state_path);
  EXPECT_EQ(VerifyLater()->remembered, 0);
}

TEST_F(VerifyLogTest, WhatWasChangedAfterItWasVerifiedIsFound) {
  log_.AddMany(700);
  const std::filesystem::path files[] = {TileFile(kEntriesLevel, 0), TileFile(kEntriesLevel, 2, 88),
                                         TileFile(0, 1), TileFile(1, 0, 2)};
  for (const std::filesystem::path& file : files) {
    log_.Write(directory_, 600);
    ASSERT_TRUE(Verify(Remembering()).ok());
    const std::string bytes = ReadBytes(file);
    std::string damaged = bytes;
    damaged[bytes.size() / 2] = static_cast<char>(damaged[bytes.size() / 2] ^ 1);
    WriteBytes(file, damaged);
    EXPECT_TRUE(IsVerificationFailure(Verify(Remembering()).status())) << file;
    std::filesystem::remove(file);
    EXPECT_TRUE(IsVerificationFailure(Verify(Remembering()).status())) << file;
  }
}

TEST_F(VerifyLogTest, ADamagedMemoryIsRefused) {
  log_.AddMany(300);
  log_.Write(directory_);
  ASSERT_TRUE(Verify(Remembering()).ok());
  const std::string path = Remembering().state_path;
  const std::string state = ReadBytes(path);
  for (const size_t at : {size_t{3}, state.size() / 2, state.size() - 2}) {
    std::string damaged = state;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    WriteBytes(path, damaged);
    EXPECT_EQ(Verify(Remembering()).status().code(), absl::StatusCode::kFailedPrecondition);
  }
}

// --- What a server may do to the files ---

TEST_F(VerifyLogTest, EveryFlippedByteOfAFileIsFound) {
  const auto seed = static_cast<uint64_t>(absl::ToUnixNanos(absl::Now()));
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  log_.AddMany(700);
  log_.Write(directory_);
  std::vector<std::string> files;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory_)) {
    if (file.is_regular_file()) files.push_back(file.path());
  }
  std::sort(files.begin(), files.end());
  for (int round = 0; round < 120; ++round) {
    const std::string& path = files[random() % files.size()];
    const std::string bytes = ReadBytes(path);
    std::string damaged = bytes;
    const size_t at = random() % bytes.size();
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    WriteBytes(path, damaged);
    const absl::StatusOr<VerifyReport> report = Verify();
    EXPECT_TRUE(IsVerificationFailure(report.status())) << path << " " << at << report.status();
    if (round % 10 == 0) {
      EXPECT_EQ(VerifyInPython().first, 8) << path << " " << at << python_output_;
    }
    WriteBytes(path, bytes);
  }
  ExpectSound();
}

TEST_F(VerifyLogTest, AnEditedEntryIsNamed) {
  log_.AddMany(700);
  log_.Write(directory_);
  const std::string path = TileFile(kEntriesLevel, 1);
  std::string bytes = ReadBytes(path);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  WriteBytes(path, bytes);
  ExpectBroken(511, "its tile says");
}

TEST_F(VerifyLogTest, AMissingFileIsNamed) {
  log_.AddMany(700);
  log_.Write(directory_);
  std::filesystem::remove(TileFile(kEntriesLevel, 1));
  ExpectBroken(256, "tile/entries/001: is missing");
  log_.Write(directory_);
  std::filesystem::remove(TileFile(1, 0, 2));
  ExpectBroken(-1, "tile/1/000.p/2: is missing");
  std::filesystem::remove(directory_ + "/checkpoint");
  EXPECT_EQ(Verify().status().code(), absl::StatusCode::kNotFound);
}

TEST_F(VerifyLogTest, AWrongHashOfAHigherTileIsNamed) {
  log_.AddMany(700);
  log_.Write(directory_);
  const std::string path = TileFile(1, 0, 2);
  std::string bytes = ReadBytes(path);
  bytes[40] = static_cast<char>(bytes[40] ^ 1);
  WriteBytes(path, bytes);
  ExpectBroken(256, "for the entries 256 to 511");
}

TEST_F(VerifyLogTest, ACheckpointOfAnotherKeyIsRefused) {
  log_.AddMany(10);
  log_.Write(directory_);
  const NoteSigner other("example.org/log", SignatureType::kEd25519, 'x');
  LogBuilder::WriteEntries(directory_, other, log_.Entries());
  ExpectBroken(-1, "");
}

// --- What a server may do that signs what it changed ---

TEST_F(VerifyLogTest, ReorderedEntriesAreFound) {
  log_.AddMany(400);
  std::swap(log_.envelopes()[301], log_.envelopes()[302]);
  log_.Write(directory_);
  ExpectBroken(301, "says that it stands at position 302");
  // Renumbered, the chains of their streams tell.
  log_.envelopes()[301].set_position(301);
  log_.envelopes()[302].set_position(302);
  std::swap(*log_.envelopes()[301].mutable_record_time(),
            *log_.envelopes()[302].mutable_record_time());
  for (const int i : {301, 302}) {
    *log_.envelopes()[static_cast<size_t>(i)].mutable_effective_time() =
        log_.envelopes()[static_cast<size_t>(i)].record_time();
  }
  log_.Write(directory_);
  const absl::StatusOr<VerifyReport> report = Verify();
  // At the latest the next record of the stream heads is not what the streams give.
  EXPECT_TRUE(IsVerificationFailure(report.status())) << report.status();
  EXPECT_EQ(VerifyInPython().first, 8);
}

TEST_F(VerifyLogTest, ADroppedEntryIsFound) {
  log_.AddMany(400);
  log_.envelopes().erase(log_.envelopes().begin() + 123);
  log_.Write(directory_);
  ExpectBroken(123, "says that it stands at position 124");
}

TEST_F(VerifyLogTest, ADroppedForecastIsFoundThoughPositionsAndTimesAreMended) {
  log_.AddForecast("q", "analyst", 0.3);
  log_.AddForecast("q", "analyst", 0.9);
  log_.AddForecast("r", "analyst", 0.4);
  log_.envelopes().erase(log_.envelopes().begin() + 2);
  log_.envelopes()[2].set_position(2);
  log_.Write(directory_);
  ExpectBroken(2, "version 2 of stream forecasters/analyst/forecasts");
}

TEST_F(VerifyLogTest, AForecastThatIsNotChainedIsFound) {
  log_.AddForecast("q", "analyst", 0.3).clear_links();
  log_.Write(directory_);
  ExpectBroken(1, "forecasters/analyst/forecasts");
}

TEST_F(VerifyLogTest, ABackDatedEntryIsFound) {
  log_.AddMany(50);
  *log_.envelopes()[30].mutable_record_time() = log_.envelopes()[20].record_time();
  *log_.envelopes()[30].mutable_effective_time() = log_.envelopes()[20].record_time();
  log_.Write(directory_);
  ExpectBroken(30, "recorded before");
}

TEST_F(VerifyLogTest, AnUnmarkedEarlierEffectiveTimeIsFound) {
  log_.AddMany(50);
  *log_.envelopes()[30].mutable_effective_time() = log_.envelopes()[20].record_time();
  log_.Write(directory_);
  ExpectBroken(30, "does not say so");
  log_.envelopes()[30].set_backfilled(true);
  log_.Write(directory_);
  ExpectSound();
  *log_.envelopes()[30].mutable_effective_time() = log_.envelopes()[40].record_time();
  log_.Write(directory_);
  ExpectBroken(30, "after it was recorded");
}

TEST_F(VerifyLogTest, AWrongRecordOfTheStreamHeadsIsFound) {
  log_.AddMany(20);
  event::v1::StreamHeadsRecorded record;
  const LogBuilder::Envelope right = log_.AddMapRecord();
  ASSERT_TRUE(right.payload().UnpackTo(&record));
  const auto expect = [&](const std::string& what) {
    log_.envelopes().back().mutable_payload()->PackFrom(record);
    log_.Write(directory_);
    ExpectBroken(21, what);
    ASSERT_TRUE(right.payload().UnpackTo(&record));
  };
  (*record.mutable_map_root())[5] ^= 1;
  expect("map root");
  record.set_tree_size(20);
  expect("cover 20");
  record.set_stream_count(3);
  expect("speaks of 3 streams");
}

TEST_F(VerifyLogTest, AnOverdueRecordOfTheStreamHeadsIsFound) {
  google::protobuf::StringValue text;
  for (int i = 0; i < 4'100; ++i) log_.Add("networks/n", text);
  log_.Write(directory_);
  ExpectBroken(4'096, "should have been recorded");
}

TEST_F(VerifyLogTest, ALogOfAnotherOriginIsFound) {
  event::v1::LedgerCreated created;
  created.set_origin("example.org/other");
  log_.envelopes()[0].mutable_payload()->PackFrom(created);
  log_.Write(directory_);
  ExpectBroken(0, "was created as example.org/other");
}

TEST_F(VerifyLogTest, AnEntryThatTwoReadersCouldReadDifferentlyIsFound) {
  log_.AddMany(5);
  std::vector<std::string> entries = log_.Entries();
  // A second stream name, which protobuf would let win.
  entries[3].append("\x12\x05other");
  LogBuilder::WriteEntries(directory_, signer_, entries);
  ExpectBroken(3, "canonical");
}

TEST_F(VerifyLogTest, ARewrittenHistoryThatIsSoundInItselfIsFoundByMemoryAndBySavedCheckpoint) {
  log_.AddMany(900);
  log_.Write(directory_, 500);
  ASSERT_TRUE(Verify(Remembering()).ok());
  const std::string saved = ReadBytes(directory_ + "/checkpoint");
  WriteBytes(root_ + "/saved", saved);
  // One forecast edited, everything after it made to fit, and signed again.
  event::v1::ForecastRecorded forecast;
  size_t at = 100;
  while (!log_.envelopes()[at].payload().UnpackTo(&forecast)) ++at;
  forecast.set_probabilities(0, 0.99);
  log_.envelopes()[at].mutable_payload()->PackFrom(forecast);
  log_.Reseal();
  log_.Write(directory_);
  ExpectSound();

  const absl::Status by_memory = Verify(Remembering()).status();
  EXPECT_TRUE(IsVerificationFailure(by_memory)) << by_memory;
  VerifyOptions options;
  options.earlier_checkpoint = saved;
  const absl::Status by_checkpoint = Verify(options).status();
  EXPECT_TRUE(IsVerificationFailure(by_checkpoint)) << by_checkpoint;
  EXPECT_NE(by_checkpoint.message().find("before position 500"), std::string::npos);
  EXPECT_EQ(VerifyInPython("--checkpoint " + root_ + "/saved").first, 8) << python_output_;
}

TEST_F(VerifyLogTest, AForkAfterWhatWasSeenIsNoneAndAForkBeforeItIs) {
  log_.AddMany(600);
  log_.Write(directory_, 400);
  const std::string saved = ReadBytes(directory_ + "/checkpoint");
  log_.envelopes().resize(450);
  log_.AddForecast("q1", "analyst-1", 0.5);
  log_.Reseal();
  log_.Write(directory_);
  VerifyOptions options;
  options.earlier_checkpoint = saved;
  EXPECT_EQ(Verify(options)->extends, 400);
  log_.envelopes().resize(399);
  log_.AddForecast("q1", "analyst-1", 0.5);
  log_.AddForecast("q1", "analyst-1", 0.6);
  log_.Reseal();
  log_.Write(directory_);
  EXPECT_TRUE(IsVerificationFailure(Verify(options).status()));
}

TEST_F(VerifyLogTest, AShorterLogThanTheOneSeenIsFound) {
  log_.AddMany(300);
  log_.Write(directory_);
  const std::string saved = ReadBytes(directory_ + "/checkpoint");
  WriteBytes(root_ + "/saved", saved);
  ASSERT_TRUE(Verify(Remembering()).ok());
  log_.Write(directory_, 200);
  const absl::Status by_memory = Verify(Remembering()).status();
  EXPECT_NE(by_memory.message().find("covers 200 entries only"), std::string::npos) << by_memory;
  VerifyOptions options;
  options.earlier_checkpoint = saved;
  EXPECT_TRUE(IsVerificationFailure(Verify(options).status()));
  EXPECT_EQ(VerifyInPython("--checkpoint " + root_ + "/saved"), std::pair(8, int64_t{200}));
}

// --- Keys that change ---

TEST_F(VerifyLogTest, AKeyThatTheLogRotatedSignsFromThereOn) {
  const NoteSigner next("example.org/log", SignatureType::kEd25519, 'n');
  log_.AddMany(10);
  const std::string text =
      absl::StrCat("example.org/log\nkey-rotation/v1\n11\n", FormatVerifierKey(signer_.key()), "\n",
                   FormatVerifierKey(next.key()), "\n");
  event::v1::SigningKeyRotated rotated;
  rotated.set_verifier_key(FormatVerifierKey(next.key()));
  rotated.set_statement(FormatNote({text, {signer_.Sign(text), next.Sign(text)}}));
  const std::vector<std::string> before = log_.Entries();
  log_.Add("ledger/keys", rotated);
  log_.AddMany(300);
  LogBuilder::WriteEntries(directory_, signer_, before);
  ExpectSound();
  const std::string saved = ReadBytes(directory_ + "/checkpoint");
  WriteBytes(root_ + "/saved", saved);
  ASSERT_TRUE(Verify(Remembering()).ok());

  LogBuilder::WriteEntries(directory_, next, log_.Entries());
  ExpectSound();
  EXPECT_EQ(Verify()->counts.rotations, 1);
  EXPECT_TRUE(Verify(Remembering()).ok());
  EXPECT_EQ(VerifyInPython("--checkpoint " + root_ + "/saved").first, 0) << python_output_;
  // Who has the new key from the owner can check with it as well.
  const std::unique_ptr<LogSource> source = MakeDirectorySource(directory_);
  VerifyOptions options;
  options.earlier_checkpoint = saved;
  EXPECT_TRUE(VerifyLog(*source, next.key(), options).ok());
  const NoteSigner stranger("example.org/log", SignatureType::kEd25519, 'z');
  EXPECT_TRUE(IsVerificationFailure(VerifyLog(*source, stranger.key(), {}).status()));

  // The old key, which may have been stolen, signs nothing more.
  LogBuilder::WriteEntries(directory_, signer_, log_.Entries());
  ExpectBroken(-1, "");
  // A rotation that only one of the two keys states is none.
  rotated.set_statement(FormatNote({text, {next.Sign(text)}}));
  log_.envelopes()[11].mutable_payload()->PackFrom(rotated);
  LogBuilder::WriteEntries(directory_, next, log_.Entries());
  ExpectBroken(11, "not stated by the old key");
}

// --- Witnesses ---

TEST_F(VerifyLogTest, CosignaturesOfAQuorumAreAskedForByBothVerifiers) {
  log_.AddMany(300);
  log_.Write(directory_);
  const NoteSigner first("example.net/a", SignatureType::kCosignature, 'a');
  const NoteSigner second("example.net/b", SignatureType::kCosignature, 'b');
  const NoteSigner third("example.net/c", SignatureType::kCosignature, 'c');
  std::string text;
  for (const NoteSigner* const signer : {&first, &second, &third}) {
    absl::StrAppend(&text, "witness ", signer->key().name, " ", FormatVerifierKey(signer->key()),
                    "\n");
  }
  absl::StrAppend(&text, "group g 2 example.net/a example.net/b example.net/c\nquorum g\n");
  WriteBytes(root_ + "/policy", text);
  const std::string python = absl::StrCat("--witness-policy ", root_, "/policy");
  VerifyOptions options;
  options.policy = WitnessPolicy::Parse(text).value();

  const SignedNote note = ParseNote(ReadBytes(directory_ + "/checkpoint")).value();
  const auto serve = [&](std::vector<NoteSignature> cosignatures) {
    SignedNote cosigned = note;
    for (NoteSignature& signature : cosignatures) {
      cosigned.signatures.push_back(std::move(signature));
    }
    WriteBytes(directory_ + "/checkpoint", FormatNote(cosigned));
  };
  EXPECT_TRUE(IsVerificationFailure(Verify(options).status()));
  EXPECT_EQ(VerifyInPython(python).first, 8) << python_output_;
  serve({first.Sign(note.text, 1'700'000'000)});
  EXPECT_TRUE(IsVerificationFailure(Verify(options).status()));
  EXPECT_EQ(VerifyInPython(python).first, 8) << python_output_;
  serve({first.Sign(note.text, 1'700'000'000), third.Sign(note.text, 1'700'000'060)});
  const absl::StatusOr<VerifyReport> report = Verify(options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->cosignatures->not_after, 1'700'000'060);
  EXPECT_EQ(VerifyInPython(python).first, 0) << python_output_;
  EXPECT_NE(python_output_.find("\"all existed at\": \"2023-11-14T22:14:20Z\""), std::string::npos)
      << python_output_;
  // Keys and a number will do.
  const std::string keys =
      absl::StrCat("--witness '", FormatVerifierKey(first.key()), "' --witness '",
                   FormatVerifierKey(second.key()), "' --quorum ");
  EXPECT_EQ(VerifyInPython(keys + "1").first, 0) << python_output_;
  EXPECT_EQ(VerifyInPython(keys + "2").first, 8) << python_output_;
  // A forged one refuses the checkpoint, even beside enough others.
  NoteSignature forged = second.Sign(note.text, 1'700'000'000);
  forged.bytes[3] = static_cast<char>(forged.bytes[3] ^ 1);
  serve({first.Sign(note.text, 1'700'000'000), third.Sign(note.text, 1'700'000'060), forged});
  EXPECT_TRUE(IsVerificationFailure(Verify(options).status()));
  EXPECT_EQ(VerifyInPython(python).first, 8) << python_output_;
  WriteBytes(root_ + "/policy", "quorum nobody\n");
  EXPECT_EQ(VerifyInPython(python).first, 2) << python_output_;
}

// --- Over HTTP ---

// Any web server that serves the files will do.
class WebServer {
 public:
  explicit WebServer(const std::string& directory) {
    const std::string command = absl::StrCat(
        "echo $$; exec /usr/bin/python3 -u -m http.server 0 --bind 127.0.0.1 --directory ",
        directory, " 2>/dev/null");
    pipe_ = popen(command.c_str(), "r");
    CREDENCE_CHECK(pipe_ != nullptr);
    // "Serving HTTP on 127.0.0.1 port 40123 (http://...) ..."
    CREDENCE_CHECK(fscanf(pipe_, "%d Serving HTTP on 127.0.0.1 port %d", &process_, &port_) == 2);
  }
  ~WebServer() {
    kill(process_, SIGTERM);
    pclose(pipe_);
  }
  WebServer(const WebServer&) = delete;
  WebServer& operator=(const WebServer&) = delete;

  [[nodiscard]] std::string url() const { return absl::StrCat("http://127.0.0.1:", port_); }

 private:
  FILE* pipe_ = nullptr;
  int process_ = 0;
  int port_ = 0;
};

TEST_F(VerifyLogTest, ALogBehindAWebServerIsVerifiedAndCopied) {
  log_.AddMany(600);
  log_.Write(directory_ + "/below");
  const WebServer server(directory_);
  absl::StatusOr<std::unique_ptr<LogSource>> source =
      MakeHttpSource(server.url() + "/below/", absl::Seconds(30));
  ASSERT_TRUE(source.ok()) << source.status();
  const absl::StatusOr<VerifyReport> report = VerifyLog(**source, signer_.key(), {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->checkpoint.tree_size, 601);
  ASSERT_TRUE(ExportLog(**source, root_ + "/copy", {}).ok());
  directory_ = root_ + "/copy";
  ExpectSound();
  EXPECT_TRUE(absl::IsNotFound((*source)->Read("nothing").status()));
}

TEST_F(VerifyLogTest, AnAddressThatIsNoneOrAnswersNotIsTold) {
  for (const char* const url : {"ftp://x", "http://", "http:///path", "https://u@h/", "x"}) {
    EXPECT_EQ(MakeHttpSource(url, absl::Seconds(1)).status().code(),
              absl::StatusCode::kInvalidArgument)
        << url;
  }
  // Port 1 of the loopback is nobody's.
  const auto source = MakeHttpSource("http://127.0.0.1:1", absl::Seconds(5));
  ASSERT_TRUE(source.ok());
  EXPECT_TRUE(absl::IsUnavailable((*source)->Read("checkpoint").status()));
}

// --- Copies ---

TEST_F(VerifyLogTest, ACopyIsBroughtUpToDateAndVerifies) {
  log_.AddMany(1'000);
  const std::string served = root_ + "/served";
  int64_t files = 0;
  for (const int64_t size : {1, 300, 300, 512, 900, 1'001}) {
    std::filesystem::remove_all(served);
    log_.Write(served, size);
    const std::unique_ptr<LogSource> source = MakeDirectorySource(served);
    const absl::StatusOr<ExportReport> report = ExportLog(*source, directory_, {});
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->checkpoint.tree_size, size);
    files = report->file_count;
    ExpectSound();
    // File for file what the server has.
    for (const auto& file : std::filesystem::recursive_directory_iterator(directory_)) {
      if (!file.is_regular_file()) continue;
      const std::string relative = std::filesystem::relative(file.path(), directory_);
      EXPECT_EQ(ReadBytes(file.path()), ReadBytes(served + "/" + relative)) << relative;
    }
  }
  // The last row of two levels, its entries, and the checkpoint.
  EXPECT_EQ(files, 4);
}

TEST_F(VerifyLogTest, ACopyIsNotOverwrittenByAnotherHistory) {
  log_.AddMany(600);
  log_.Write(directory_, 500);
  const std::string before = ReadBytes(directory_ + "/checkpoint");
  log_.envelopes()[100].set_actor("somebody else");
  const std::string served = root_ + "/served";
  log_.Write(served);
  const std::unique_ptr<LogSource> source = MakeDirectorySource(served);
  EXPECT_TRUE(IsVerificationFailure(ExportLog(*source, directory_, {}).status()));
  log_.Write(served, 400);
  EXPECT_TRUE(IsVerificationFailure(ExportLog(*source, directory_, {}).status()));
  EXPECT_EQ(ReadBytes(directory_ + "/checkpoint"), before);
  ExpectSound();
}

}  // namespace
}  // namespace credence::client
