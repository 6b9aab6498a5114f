#include "credence/client/verify/witness_policy.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/failure.h"
#include "verify/lines.h"

namespace credence::client {
namespace {

constexpr std::string_view kNone = "none";

absl::Status BadPolicy(std::string_view description) {
  return InvalidField("FIELD_INVALID", "policy", description);
}

bool SameKey(const VerifierKey& left, const VerifierKey& right) {
  return left.public_key == right.public_key;
}

}  // namespace

absl::Status WitnessPolicy::AddWitness(Witness witness) {
  if (witness.key.type != SignatureType::kCosignature) {
    return BadPolicy(Cat("the key of ", witness.name, " is not a witness's, type 4"));
  }
  for (const Witness& other : witnesses_) {
    if (SameKey(other.key, witness.key)) {
      return BadPolicy(Cat(other.name, " and ", witness.name, " have the same key"));
    }
  }
  witnesses_.push_back(std::move(witness));
  return absl::OkStatus();
}

// Reads one line after another.
class PolicyReader {
 public:
  absl::Status Take(std::string_view line) {
    const std::vector<std::string> words =
        absl::StrSplit(ToAbsl(line), absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (words.empty() || words[0].front() == '#') return absl::OkStatus();
    if (words[0] == "log") return TakeLog(words);
    if (words[0] == "witness") return TakeWitness(words);
    if (words[0] == "group") return TakeGroup(words);
    if (words[0] == "quorum") return TakeQuorum(words);
    return BadPolicy(Cat("\"", words[0], "\" is none of log, witness, group and quorum"));
  }

  absl::StatusOr<WitnessPolicy> Finish() {
    if (!has_quorum_) return BadPolicy("has no line that begins with quorum");
    return std::move(policy_);
  }

 private:
  using Words = std::vector<std::string>;
  using Member = WitnessPolicy::Member;

  absl::Status TakeLog(const Words& words) {
    if (words.size() < 2 || words.size() > 3) return BadPolicy("must be: log KEY [URL]");
    CREDENCE_ASSIGN_OR_RETURN(VerifierKey key, ParseVerifierKey(words[1]));
    if (key.type != SignatureType::kEd25519) return BadPolicy("the key of a log is of type 1");
    const auto same = [&](const VerifierKey& other) { return SameKey(other, key); };
    if (std::any_of(policy_.logs_.begin(), policy_.logs_.end(), same)) {
      return BadPolicy(Cat("the key of ", key.name, " is there twice"));
    }
    policy_.logs_.push_back(std::move(key));
    return absl::OkStatus();
  }

  absl::Status TakeWitness(const Words& words) {
    if (words.size() < 3 || words.size() > 4) return BadPolicy("must be: witness NAME KEY [URL]");
    CREDENCE_ASSIGN_OR_RETURN(VerifierKey key, ParseVerifierKey(words[2]));
    CREDENCE_RETURN_IF_ERROR(Name(words[1], {false, policy_.witnesses_.size()}));
    return policy_.AddWitness({words[1], std::move(key), words.size() == 4 ? words[3] : ""});
  }

  absl::Status TakeGroup(const Words& words) {
    if (words.size() < 4) return BadPolicy("must be: group NAME K NAME...");
    WitnessPolicy::Group group;
    for (size_t i = 3; i < words.size(); ++i) {
      CREDENCE_ASSIGN_OR_RETURN(const Member member, Find(words[i]));
      // Else one witness could count twice.
      if (!members_.insert(words[i]).second) {
        return BadPolicy(Cat(words[i], " is in a group already"));
      }
      group.members.push_back(member);
    }
    const auto count = static_cast<int64_t>(group.members.size());
    const std::optional<int64_t> threshold = words[2] == "any"   ? 1
                                             : words[2] == "all" ? count
                                                                 : ParseDecimal(words[2]);
    if (!threshold.has_value() || *threshold < 1 || *threshold > count) {
      return BadPolicy(Cat("the threshold of ", words[1], " must be any, all, or 1 to ", count));
    }
    group.threshold = static_cast<size_t>(*threshold);
    CREDENCE_RETURN_IF_ERROR(Name(words[1], {true, policy_.groups_.size()}));
    policy_.groups_.push_back(std::move(group));
    return absl::OkStatus();
  }

  absl::Status TakeQuorum(const Words& words) {
    if (words.size() != 2) return BadPolicy("must be: quorum NAME");
    if (std::exchange(has_quorum_, true)) return BadPolicy("there is a second quorum");
    if (words[1] == kNone) return absl::OkStatus();
    CREDENCE_ASSIGN_OR_RETURN(policy_.quorum_, Find(words[1]));
    return absl::OkStatus();
  }

  absl::Status Name(const std::string& name, Member member) {
    if (name == kNone) return BadPolicy("\"none\" names nothing");
    if (names_.emplace(name, member).second) return absl::OkStatus();
    return BadPolicy(Cat(name, " is defined twice"));
  }

  absl::StatusOr<Member> Find(const std::string& name) const {
    const auto found = names_.find(name);
    if (found != names_.end()) return found->second;
    return BadPolicy(Cat(name, " is not defined by a line before"));
  }

  WitnessPolicy policy_;
  bool has_quorum_ = false;
  std::map<std::string, Member> names_;
  // Those that are in a group.
  std::set<std::string> members_;
};

absl::StatusOr<WitnessPolicy> WitnessPolicy::Parse(std::string_view text) {
  PolicyReader reader;
  int64_t number = 0;
  for (const absl::string_view line : absl::StrSplit(ToAbsl(text), '\n')) {
    ++number;
    const auto is_control = [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f'; };
    const bool plain = std::none_of(line.begin(), line.end(), is_control);
    const absl::Status taken =
        plain ? reader.Take(FromAbsl(line)) : BadPolicy("holds a control character");
    if (taken.ok()) continue;
    const ErrorDetail detail = GetErrorDetail(taken);
    return BadPolicy(Cat("line ", number, ": ", detail.fields.front().description));
  }
  return reader.Finish();
}

absl::StatusOr<WitnessPolicy> WitnessPolicy::Threshold(const std::vector<VerifierKey>& keys,
                                                       int64_t threshold) {
  const auto count = static_cast<int64_t>(keys.size());
  if (threshold < 1 || threshold > count) {
    return BadPolicy(Cat("asks for ", threshold, " of ", count, " witnesses"));
  }
  WitnessPolicy policy;
  Group group{static_cast<size_t>(threshold), {}};
  for (const VerifierKey& key : keys) {
    group.members.push_back({false, policy.witnesses_.size()});
    CREDENCE_RETURN_IF_ERROR(policy.AddWitness({key.name, key, ""}));
  }
  policy.groups_.push_back(std::move(group));
  policy.quorum_ = Member{true, 0};
  return policy;
}

bool WitnessPolicy::IsMet(const std::vector<bool>& cosigned) const {
  CREDENCE_CHECK(cosigned.size() == witnesses_.size());
  std::vector<bool> met;
  const auto has = [&](const Member& member) {
    return member.is_group ? met[member.index] : cosigned[member.index];
  };
  for (const Group& group : groups_) {
    const auto count = std::count_if(group.members.begin(), group.members.end(), has);
    met.push_back(static_cast<size_t>(count) >= group.threshold);
  }
  return !quorum_.has_value() || has(*quorum_);
}

namespace {

// The earliest time at which those who had cosigned by then were a quorum.
std::optional<int64_t> QuorumTime(const std::vector<std::optional<int64_t>>& times,
                                  const WitnessPolicy& policy) {
  std::vector<bool> cosigned(times.size(), false);
  if (policy.IsMet(cosigned)) return std::nullopt;
  std::vector<std::pair<int64_t, size_t>> order;
  for (size_t i = 0; i < times.size(); ++i) {
    if (times[i].has_value()) order.emplace_back(*times[i], i);
  }
  std::sort(order.begin(), order.end());
  for (const auto& [time, index] : order) {
    cosigned[index] = true;
    if (policy.IsMet(cosigned)) return time;
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<int64_t>> TimeOf(const SignedNote& note, const VerifierKey& key) {
  std::optional<int64_t> earliest;
  for (const NoteSignature& signature : note.signatures) {
    if (signature.name != key.name || signature.key_id != key.id) continue;
    if (!VerifySignature(key, note.text, signature)) {
      return VerificationFailed(Cat("The cosignature by ", FormatVerifierKey(key), " is wrong."));
    }
    CREDENCE_ASSIGN_OR_RETURN(const int64_t time, CosignatureTime(signature));
    earliest = std::min(earliest.value_or(time), time);
  }
  return earliest;
}

}  // namespace

absl::StatusOr<CosignatureReport> CheckCosignatures(const SignedNote& note,
                                                    const WitnessPolicy& policy) {
  CosignatureReport report;
  std::vector<std::optional<int64_t>> times;
  std::vector<bool> cosigned;
  std::vector<std::string> names;
  for (const Witness& witness : policy.witnesses()) {
    CREDENCE_ASSIGN_OR_RETURN(const std::optional<int64_t> time, TimeOf(note, witness.key));
    times.push_back(time);
    cosigned.push_back(time.has_value());
    if (!time.has_value()) continue;
    report.witnesses.push_back({witness.name, *time});
    names.push_back(witness.name);
  }
  if (policy.IsMet(cosigned)) {
    report.not_after = QuorumTime(times, policy);
    return report;
  }
  return VerificationFailed(Cat(
      "the witnesses of the checkpoint are no quorum of the policy: of ", policy.witnesses().size(),
      ", ", names.empty() ? "none cosigned it" : Cat("only ", absl::StrJoin(names, ", "), " did")));
}

}  // namespace credence::client
