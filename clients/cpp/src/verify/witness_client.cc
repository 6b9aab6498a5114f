#include "credence/client/verify/witness_client.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/failure.h"
#include "verify/http_connection.h"
#include "verify/lines.h"

namespace credence::client {
namespace {

constexpr std::string_view kOld = "old ";
constexpr absl::string_view kSizeType = "text/x.tlog.size";
// Another server of the same log may be ahead by a request, once or twice.
constexpr int kAttempts = 4;
// Of the witness's own words, in messages.
constexpr size_t kWordsMax = 200;

absl::Status Malformed(std::string_view what) {
  return VerificationFailed(Cat("a request to cosign is malformed: ", what));
}

// The size in an answer 409; nothing where it says something else.
std::optional<int64_t> StatedSize(const HttpReply& reply) {
  if (!absl::StartsWith(reply.content_type, kSizeType)) return std::nullopt;
  return ParseDecimal(FromAbsl(absl::StripSuffix(reply.body, "\n")));
}

absl::Status Refused(absl::StatusCode code, std::string_view reason, std::string message) {
  ErrorDetail detail;
  detail.reason = std::string(reason);
  return MakeError(code, std::move(message), detail);
}

}  // namespace

std::string FormatAddCheckpoint(const AddCheckpointRequest& request) {
  std::string body = Cat(kOld, request.old_size, "\n");
  for (const Hash& hash : request.proof) body += Cat(ToBase64(BytesOf(hash)), "\n");
  return Cat(body, "\n", request.note);
}

absl::StatusOr<AddCheckpointRequest> ParseAddCheckpoint(std::string_view body) {
  const std::optional<std::string_view> old = TakeLine(body);
  if (!old.has_value() || old->substr(0, kOld.size()) != kOld) {
    return Malformed("its first line is not: old SIZE");
  }
  const std::optional<int64_t> size = ParseDecimal(old->substr(kOld.size()));
  if (!size.has_value()) return Malformed("the old size is not a decimal number");
  AddCheckpointRequest request;
  request.old_size = *size;
  while (true) {
    const std::optional<std::string_view> line = TakeLine(body);
    if (!line.has_value()) return Malformed("there is no empty line before the checkpoint");
    if (line->empty()) break;
    const std::optional<std::string> bytes = FromBase64(*line);
    const std::optional<Hash> hash = bytes.has_value() ? HashFromBytes(*bytes) : std::nullopt;
    if (!hash.has_value()) return Malformed("a line of the proof is not the base64 of 32 bytes");
    if (request.proof.size() == kProofHashesMax) {
      return Malformed(Cat("the proof has more than ", kProofHashesMax, " hashes"));
    }
    request.proof.push_back(*hash);
  }
  request.note = std::string(body);
  return request;
}

class __attribute__((visibility("hidden"))) WitnessClient::Impl {
 public:
  Impl(Witness witness, std::unique_ptr<HttpConnection> connection)
      : witness_(std::move(witness)), connection_(std::move(connection)) {}

  absl::StatusOr<std::vector<NoteSignature>> Cosign(const Checkpoint& checkpoint,
                                                    const std::string& note, const Prover& prove) {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      if (known_size_ > checkpoint.tree_size) return Ahead(checkpoint);
      AddCheckpointRequest request{known_size_, {}, note};
      if (known_size_ > 0 && known_size_ < checkpoint.tree_size) {
        CREDENCE_ASSIGN_OR_RETURN(request.proof, prove(known_size_));
      }
      CREDENCE_ASSIGN_OR_RETURN(const HttpReply reply,
                                connection_->Post("/add-checkpoint", FormatAddCheckpoint(request)));
      const std::optional<int64_t> stated = reply.status == 409 ? StatedSize(reply) : std::nullopt;
      if (!stated.has_value() || *stated == known_size_) return Take(reply, checkpoint, note);
      known_size_ = *stated;
    }
    return Unavailable("names another size each time that it is asked");
  }

  const Witness& witness() const { return witness_; }
  int64_t known_size() const { return known_size_; }
  void set_known_size(int64_t size) { known_size_ = size; }
  void Cancel() { connection_->Cancel(); }

 private:
  absl::StatusOr<std::vector<NoteSignature>> Take(const HttpReply& reply,
                                                  const Checkpoint& checkpoint,
                                                  const std::string& note) {
    const std::string log = checkpoint.origin;
    switch (reply.status) {
      case 200:
        return TakeCosignatures(reply, checkpoint, note);
      case 403:
        return Refused(absl::StatusCode::kPermissionDenied, "WRONG_STATE",
                       Says(Cat("does not have the key that ", log, " signs with")));
      case 404:
        return Refused(absl::StatusCode::kNotFound, "NOT_FOUND", Says(Cat("does not know ", log)));
      case 409:
      case 422:
        return VerificationFailed(
            Says(Cat("has cosigned another history of ", log, ": at ", known_size_,
                     " entries its tree is not the one of this log, of ", checkpoint.tree_size,
                     " entries and root ", ToHex(checkpoint.root))));
      default:
        return Unavailable(Cat("answered ", reply.status, ": ", reply.body.substr(0, kWordsMax)));
    }
  }

  // Those of the witness, checked; those of unknown keys are left aside.
  absl::StatusOr<std::vector<NoteSignature>> TakeCosignatures(const HttpReply& reply,
                                                              const Checkpoint& checkpoint,
                                                              const std::string& note) {
    const absl::StatusOr<SignedNote> cosigned = ParseNote(note + reply.body);
    std::vector<NoteSignature> signatures;
    if (cosigned.ok()) {
      for (const NoteSignature& signature : cosigned->signatures) {
        if (VerifySignature(witness_.key, cosigned->text, signature)) {
          signatures.push_back(signature);
        }
      }
    }
    if (signatures.empty()) {
      return VerificationFailed(Says("answered with something that is no cosignature of its"));
    }
    known_size_ = checkpoint.tree_size;
    return signatures;
  }

  [[nodiscard]] absl::Status Ahead(const Checkpoint& checkpoint) const {
    ErrorDetail detail;
    detail.reason = "WRONG_STATE";
    detail.subjects.push_back(checkpoint.origin);
    detail.metadata["size"] = Cat(known_size_);
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     Says(Cat("has cosigned ", known_size_, " entries of ", checkpoint.origin,
                              ", while this log has ", checkpoint.tree_size,
                              ": it is an older copy or another history")),
                     detail);
  }

  [[nodiscard]] absl::Status Unavailable(std::string_view what) const {
    return Refused(absl::StatusCode::kUnavailable, "UNAVAILABLE", Says(what));
  }

  [[nodiscard]] std::string Says(std::string_view what) const {
    return Cat("the witness ", witness_.name, " ", what);
  }

  const Witness witness_;
  const std::unique_ptr<HttpConnection> connection_;
  int64_t known_size_ = 0;
};

WitnessClient::WitnessClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WitnessClient::~WitnessClient() = default;

absl::StatusOr<std::unique_ptr<WitnessClient>> WitnessClient::Make(const Witness& witness,
                                                                   absl::Duration timeout) {
  CREDENCE_ASSIGN_OR_RETURN(auto connection, HttpConnection::Make(witness.url, timeout));
  return std::unique_ptr<WitnessClient>(
      new WitnessClient(std::make_unique<Impl>(witness, std::move(connection))));
}

const Witness& WitnessClient::witness() const { return impl_->witness(); }

absl::StatusOr<std::vector<NoteSignature>> WitnessClient::Cosign(const Checkpoint& checkpoint,
                                                                 const std::string& note,
                                                                 const Prover& prove) {
  return impl_->Cosign(checkpoint, note, prove);
}

int64_t WitnessClient::known_size() const { return impl_->known_size(); }
void WitnessClient::set_known_size(int64_t size) { impl_->set_known_size(size); }
void WitnessClient::Cancel() { impl_->Cancel(); }

}  // namespace credence::client
