#include "main/witness/witness.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/merkle.h"

namespace credence::server {
namespace {

using client::Checkpoint;
using client::SignedNote;

constexpr std::string_view kAddCheckpoint = "/add-checkpoint";
constexpr char kLogs[] = "logs";
constexpr char kForks[] = "forks";

HttpResponse Plain(int status, std::string_view text) {
  return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, Cat(text, "\n")};
}

HttpResponse OtherSize(int64_t size) {
  return {409, {{"Content-Type", "text/x.tlog.size"}}, Cat(size, "\n")};
}

absl::Status WrongState(const std::string& path, std::string_view what) {
  ErrorDetail detail;
  detail.reason = "WRONG_STATE";
  detail.subjects.push_back(path);
  return MakeError(absl::StatusCode::kFailedPrecondition, Cat(path, " ", what), detail);
}

absl::Status Damaged(const std::string& path, std::string_view what) {
  ErrorDetail detail;
  detail.reason = "LEDGER_FAILED";
  return MakeError(
      absl::StatusCode::kDataLoss,
      Cat(path, ": ", what, "; it says what was cosigned, and without it nothing can be"), detail);
}

std::string KeyPath(const std::string& directory) { return directory + "/witness.key"; }

absl::Status MakeDirectories(const std::string& directory) {
  std::error_code error;
  for (const char* const folder : {kLogs, kForks}) {
    std::filesystem::create_directories(Cat(directory, "/", folder), error);
    if (error) return absl::InternalError(Cat(directory, ": ", error.message()));
  }
  return absl::OkStatus();
}

// The note with the right signatures of the keys only: whatever else somebody put into it is not
// kept.
SignedNote SignedBy(const SignedNote& note, const std::vector<client::VerifierKey>& keys) {
  SignedNote kept{note.text, {}};
  for (const client::VerifierKey& key : keys) {
    for (const client::NoteSignature& signature : note.signatures) {
      if (!client::VerifySignature(key, note.text, signature)) continue;
      kept.signatures.push_back(signature);
      break;
    }
  }
  return kept;
}

}  // namespace

absl::StatusOr<WitnessedLog> ParseWitnessedLog(std::string_view text) {
  const size_t space = text.rfind(' ');
  const std::string_view key_text = space == std::string_view::npos ? text : text.substr(space + 1);
  CREDENCE_ASSIGN_OR_RETURN(client::VerifierKey key, client::ParseVerifierKey(key_text));
  if (key.type != client::SignatureType::kEd25519) {
    return InvalidField("FIELD_INVALID", "log", Cat(key_text, " is the key of a witness"));
  }
  std::string origin(space == std::string_view::npos ? key.name : text.substr(0, space));
  return WitnessedLog{std::move(origin), std::move(key)};
}

// One process at a time: two would each cosign from what they remember.
class Witness::Lock {
 public:
  static absl::StatusOr<std::unique_ptr<Lock>> Take(const std::string& directory) {
    const std::string path = directory + "/witness.lock";
    const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor < 0) return WrongState(path, "cannot be opened");
    auto lock = std::unique_ptr<Lock>(new Lock(descriptor));
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
    return WrongState(directory, "is in use by another process");
  }
  ~Lock() { close(descriptor_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  explicit Lock(int descriptor) : descriptor_(descriptor) {}
  const int descriptor_;
};

absl::StatusOr<std::string> Witness::Create(const std::string& directory, const std::string& name) {
  CREDENCE_RETURN_IF_ERROR(MakeDirectories(directory));
  CREDENCE_ASSIGN_OR_RETURN(const ledger::Cosigner cosigner,
                            ledger::Cosigner::Ensure(KeyPath(directory), name));
  return cosigner.verifier_key();
}

Witness::Witness(WitnessOptions options, ledger::Cosigner cosigner, std::unique_ptr<Lock> lock)
    : options_(std::move(options)), cosigner_(std::move(cosigner)), lock_(std::move(lock)) {}

Witness::~Witness() = default;

absl::StatusOr<std::unique_ptr<Witness>> Witness::Open(WitnessOptions options) {
  if (options.logs.empty()) return InvalidField("FIELD_REQUIRED", "log", "name a log to watch");
  CREDENCE_ASSIGN_OR_RETURN(ledger::Cosigner cosigner,
                            ledger::Cosigner::Read(KeyPath(options.directory)));
  CREDENCE_ASSIGN_OR_RETURN(auto lock, Lock::Take(options.directory));
  CREDENCE_RETURN_IF_ERROR(MakeDirectories(options.directory));
  auto witness = std::unique_ptr<Witness>(
      new Witness(std::move(options), std::move(cosigner), std::move(lock)));
  absl::MutexLock guard(&witness->mutex_);
  for (const WitnessedLog& log : witness->options_.logs) {
    witness->logs_[log.origin].keys.push_back(log.key);
  }
  for (auto& [origin, log] : witness->logs_) {
    CREDENCE_RETURN_IF_ERROR(witness->Load(origin, log));
  }
  return witness;
}

std::string Witness::PathOf(std::string_view folder, std::string_view origin) const {
  // Any text may be an origin; its digest is a file name.
  return Cat(options_.directory, "/", folder, "/", client::ToHex(client::Sha256(origin)));
}

absl::Status Witness::Load(const std::string& origin, Log& log) {
  const std::string path = PathOf(kLogs, origin);
  std::error_code error;
  const bool exists = std::filesystem::exists(path, error);
  if (error) return absl::InternalError(Cat(path, ": ", error.message()));
  if (!exists) return absl::OkStatus();
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const absl::StatusOr<SignedNote> note = client::ParseNote(bytes);
  if (!note.ok()) return Damaged(path, FromAbsl(note.status().message()));
  CREDENCE_ASSIGN_OR_RETURN(const client::VerifierKey own,
                            client::ParseVerifierKey(verifier_key()));
  if (const absl::Status own_words = client::VerifyNote(*note, own); !own_words.ok()) {
    return Damaged(path, FromAbsl(own_words.message()));
  }
  CREDENCE_ASSIGN_OR_RETURN(Checkpoint latest, client::ParseCheckpoint(note->text));
  if (latest.origin != origin) return Damaged(path, Cat("it is of ", latest.origin));
  log.latest = std::move(latest);
  return absl::OkStatus();
}

std::optional<HttpResponse> Witness::Refuse(const client::AddCheckpointRequest& request,
                                            const Checkpoint& checkpoint, const Log& log) {
  const int64_t latest_size = log.latest.has_value() ? log.latest->tree_size : 0;
  const client::Hash latest_root = log.latest.has_value() ? log.latest->root : client::EmptyRoot();
  if (request.old_size > checkpoint.tree_size) {
    return Plain(400, "the old size is larger than the checkpoint's");
  }
  if (request.old_size != latest_size) return OtherSize(latest_size);
  if (checkpoint.tree_size == latest_size) {
    if (checkpoint.root != latest_root) {
      if (log.latest.has_value()) KeepEvidence(checkpoint, request.note);
      return Plain(409, "a checkpoint of this size with another root was cosigned");
    }
    if (!request.proof.empty()) return Plain(422, "between equal sizes the proof must be empty");
    return std::nullopt;
  }
  // Every tree begins with no leaves.
  const bool proved = latest_size == 0
                          ? request.proof.empty()
                          : client::VerifyConsistency(latest_size, checkpoint.tree_size,
                                                      latest_root, checkpoint.root, request.proof)
                                .ok();
  if (!proved) return Plain(422, "the consistency proof does not hold");
  return std::nullopt;
}

// Two trees of one size, both signed by the log: whoever is shown both knows that it lies.
void Witness::KeepEvidence(const Checkpoint& checkpoint, const std::string& note) {
  const std::string path = Cat(PathOf(kForks, checkpoint.origin), "-", checkpoint.tree_size);
  std::error_code error;
  if (std::filesystem::exists(path, error)) return;
  std::filesystem::copy_file(PathOf(kLogs, checkpoint.origin), path + ".cosigned", error);
  std::ofstream(path, std::ios::binary) << note;
  if (options_.on_fork) options_.on_fork(checkpoint.origin, path);
}

HttpResponse Witness::AddCheckpoint(std::string_view body) {
  const auto request = client::ParseAddCheckpoint(body);
  if (!request.ok()) return Plain(400, FromAbsl(request.status().message()));
  const absl::StatusOr<SignedNote> note = client::ParseNote(request->note);
  if (!note.ok()) return Plain(400, FromAbsl(note.status().message()));
  const absl::StatusOr<Checkpoint> checkpoint = client::ParseCheckpoint(note->text);
  if (!checkpoint.ok()) return Plain(400, FromAbsl(checkpoint.status().message()));
  // Held to the end: comparing with what was cosigned last and writing it down are one step.
  absl::MutexLock lock(&mutex_);
  const auto found = logs_.find(checkpoint->origin);
  if (found == logs_.end()) return Plain(404, "this origin is not watched here");
  Log& log = found->second;
  const SignedNote kept_note = SignedBy(*note, log.keys);
  if (kept_note.signatures.empty()) {
    return Plain(403, "no key of the log signed the checkpoint");
  }
  if (auto refused = Refuse(*request, *checkpoint, log)) return *std::move(refused);
  const std::string cosignature =
      cosigner_.CosignatureLine(absl::ToUnixSeconds(options_.now()), note->text);
  const absl::Status kept = ledger::ReplaceDurably(PathOf(kLogs, checkpoint->origin),
                                                   client::FormatNote(kept_note) + cosignature);
  if (!kept.ok()) return Plain(500, FromAbsl(kept.message()));
  log.latest = *checkpoint;
  return {200, {{"Content-Type", "text/plain; charset=utf-8"}}, cosignature};
}

HttpResponse Witness::Answer(const HttpRequest& request) {
  if (request.path == kAddCheckpoint) {
    if (request.method == "POST") return AddCheckpoint(request.body);
    HttpResponse response = Plain(405, "this path takes POST");
    response.headers.emplace_back("Allow", "POST");
    return response;
  }
  if (request.path == "/healthz" && request.method == "GET") return Plain(200, "ok");
  return Plain(404, "a witness takes POST /add-checkpoint");
}

}  // namespace credence::server
