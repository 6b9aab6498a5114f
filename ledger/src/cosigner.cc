#include "credence/ledger/cosigner.h"

#include <utility>

#include "absl/strings/match.h"
#include "credence/base/status_macros.h"
#include "durable_file.h"
#include "signing_key.h"

namespace credence::ledger {
namespace {

constexpr absl::string_view kSignerPrefix = "PRIVATE+KEY+";

}  // namespace

class Cosigner::Key {
 public:
  explicit Key(SigningKey key) : key_(std::move(key)) {}
  [[nodiscard]] const SigningKey& get() const { return key_; }

 private:
  const SigningKey key_;
};

Cosigner::Cosigner(std::shared_ptr<const Key> key) : key_(std::move(key)) {}

absl::StatusOr<Cosigner> Cosigner::Ensure(const std::string& path, const std::string& name) {
  CREDENCE_RETURN_IF_ERROR(CheckOrigin(name));
  CREDENCE_ASSIGN_OR_RETURN(SigningKey key, SigningKey::Ensure(path, name, KeyType::kCosignature));
  return Cosigner(std::make_shared<const Key>(std::move(key)));
}

absl::StatusOr<Cosigner> Cosigner::Read(const std::string& path) {
  // The name stands in the file; what else has to fit is checked as for any key.
  const absl::StatusOr<std::string> text = ReadSmallFile(path);
  std::string name = "a witness";
  if (text.ok() && absl::StartsWith(*text, kSignerPrefix)) {
    const std::string rest = text->substr(kSignerPrefix.size());
    name = rest.substr(0, rest.find('+'));
  }
  CREDENCE_ASSIGN_OR_RETURN(SigningKey key,
                            SigningKey::Read(path, std::move(name), KeyType::kCosignature));
  return Cosigner(std::make_shared<const Key>(std::move(key)));
}

const std::string& Cosigner::name() const { return key_->get().name(); }

const std::string& Cosigner::verifier_key() const { return key_->get().verifier_key(); }

std::string Cosigner::CosignatureLine(int64_t time, std::string_view text) const {
  return key_->get().CosignatureLine(time, text);
}

absl::Status ReplaceDurably(const std::string& path, std::string_view content) {
  return ReplaceFile(path, content, 0644);
}

}  // namespace credence::ledger
