#include "members.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <optional>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_credentials_options.h"

namespace credence::etcd {
namespace {

// gRPC's own second is long beside a member's restart.
constexpr int kReconnectMsMin = 50;
constexpr int kReconnectMsMax = 1'000;
// Between two rounds over all members.
constexpr absl::Duration kPause = absl::Milliseconds(50);
constexpr unsigned kRefreshSeconds = 60;
constexpr std::string_view kPlain = "http://";
constexpr std::string_view kSecure = "https://";

// What etcd says of a request that it did not take up because it has no leader.
constexpr char kNoLeader[] = "etcdserver: no leader";
// What its gRPC says of a request that is far too large for etcd to see it.
constexpr char kTooLarge[] = "message larger than max";

struct Url {
  bool secure = false;
  // Host and port.
  std::string address;
};

std::optional<Url> ParseUrl(std::string_view text) {
  Url url;
  if (text.substr(0, kSecure.size()) == kSecure) {
    url.secure = true;
    text.remove_prefix(kSecure.size());
  } else if (text.substr(0, kPlain.size()) == kPlain) {
    text.remove_prefix(kPlain.size());
  } else {
    return std::nullopt;
  }
  if (!text.empty() && text.back() == '/') text.remove_suffix(1);
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  if (text.find_first_of("/?#@ ") != std::string_view::npos) return std::nullopt;
  const std::string_view port = text.substr(colon + 1);
  uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number == 0) return std::nullopt;
  url.address = std::string(text);
  return url;
}

absl::StatusOr<std::vector<Url>> ParseEndpoints(const std::vector<std::string>& endpoints) {
  if (endpoints.empty()) {
    return InvalidField("FIELD_REQUIRED", "endpoints", "must name a member of etcd");
  }
  std::vector<Url> urls;
  for (size_t i = 0; i < endpoints.size(); ++i) {
    const std::string field = Cat("endpoints[", i, "]");
    std::optional<Url> url = ParseUrl(endpoints[i]);
    if (!url.has_value()) {
      return InvalidField("FIELD_INVALID", field,
                          Cat("\"", endpoints[i],
                              "\" is not of the form http://HOST:PORT or "
                              "https://HOST:PORT"));
    }
    if (!urls.empty() && url->secure != urls.front().secure) {
      return InvalidField("FIELD_INVALID", field, "must have the scheme of the first one");
    }
    urls.push_back(*std::move(url));
  }
  return urls;
}

absl::Status CheckFile(std::string_view field, const std::string& file) {
  if (file.empty() || std::ifstream(file).good()) return absl::OkStatus();
  return InvalidField("FIELD_INVALID", field, Cat(file, ": cannot be read"));
}

absl::Status CheckTls(const TlsFiles& tls, bool secure) {
  CREDENCE_RETURN_IF_ERROR(CheckFile("tls.authority_file", tls.authority_file));
  CREDENCE_RETURN_IF_ERROR(CheckFile("tls.certificate_file", tls.certificate_file));
  CREDENCE_RETURN_IF_ERROR(CheckFile("tls.key_file", tls.key_file));
  if (tls.certificate_file.empty() != tls.key_file.empty()) {
    return InvalidField("FIELD_REQUIRED",
                        tls.key_file.empty() ? "tls.key_file" : "tls.certificate_file",
                        "a certificate and its key go together");
  }
  if (!secure && !(tls.authority_file.empty() && tls.certificate_file.empty())) {
    return InvalidField("FIELD_INVALID", "endpoints[0]",
                        "must be https where files of certificates are named");
  }
  return absl::OkStatus();
}

std::shared_ptr<grpc::ChannelCredentials> MakeCredentials(const TlsFiles& tls, bool secure) {
  if (!secure) return grpc::InsecureChannelCredentials();
  grpc::experimental::TlsChannelCredentialsOptions options;
  if (!tls.authority_file.empty() || !tls.certificate_file.empty()) {
    options.set_certificate_provider(
        std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
            tls.key_file, tls.certificate_file, tls.authority_file, kRefreshSeconds));
  }
  if (!tls.authority_file.empty()) options.watch_root_certs();
  if (!tls.certificate_file.empty()) options.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(options);
}

std::shared_ptr<grpc::Channel> MakeChannel(
    const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  // A watch's answer holds whole revisions, of which one may have many large keys.
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMsMin);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMsMax);
  // A client of its own connection: one that waits to connect again does not hold up another.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

absl::Status Unavailable(std::string message) {
  ErrorDetail detail;
  detail.reason = "UNAVAILABLE";
  return MakeError(absl::StatusCode::kUnavailable, std::move(message), detail);
}

// The outcome of a call whose last attempt ended with `status` and that is not tried again.
absl::Status Outcome(Effect effect, const grpc::Status& status, const std::string& endpoint) {
  if (!MayDoBetter(status)) return ToStatus(status, endpoint);
  const std::string message = Cat("etcd at ", endpoint, ": ", status.error_message());
  const bool undone =
      effect == Effect::kRepeatable || absl::StrContains(status.error_message(), kNoLeader);
  if (undone) return Unavailable(message);
  return absl::UnknownError(Cat(message, "; whether the request was carried out is not known"));
}

}  // namespace

void Prepare(grpc::ClientContext& context, absl::Time deadline) {
  context.set_deadline(absl::ToChronoTime(deadline));
  context.AddMetadata("hasleader", "true");
}

bool MayDoBetter(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::ABORTED:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::UNKNOWN:
      return true;
    default:
      return false;
  }
}

absl::Status ToStatus(const grpc::Status& status, const std::string& endpoint) {
  if (status.ok()) return absl::OkStatus();
  // As etcd says itself of one that is a little too large.
  const bool too_large = absl::StrContains(status.error_message(), kTooLarge);
  return {too_large ? absl::StatusCode::kInvalidArgument
                    : static_cast<absl::StatusCode>(status.error_code()),
          Cat("etcd at ", endpoint, ": ", status.error_message())};
}

absl::StatusOr<std::unique_ptr<Members>> Members::Create(const Options& options) {
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<Url> urls, ParseEndpoints(options.endpoints));
  const bool secure = urls.front().secure;
  CREDENCE_RETURN_IF_ERROR(CheckTls(options.tls, secure));
  const std::shared_ptr<grpc::ChannelCredentials> credentials =
      MakeCredentials(options.tls, secure);
  std::unique_ptr<Members> members(new Members(options));
  for (size_t i = 0; i < urls.size(); ++i) {
    const std::shared_ptr<grpc::Channel> channel = MakeChannel(urls[i].address, credentials);
    members->members_.push_back({options.endpoints[i], channel, etcdserverpb::KV::NewStub(channel),
                                 etcdserverpb::Watch::NewStub(channel),
                                 etcdserverpb::Lease::NewStub(channel),
                                 etcdserverpb::Maintenance::NewStub(channel)});
  }
  return members;
}

void Members::Leave(size_t index) {
  size_t now = current_.load();
  if (now % members_.size() == index) current_.compare_exchange_strong(now, now + 1);
}

bool Members::Connect(size_t index, absl::Time deadline) {
  grpc::Channel& channel = *members_[index].channel;
  while (true) {
    const grpc_connectivity_state state = channel.GetState(/*try_to_connect=*/true);
    if (state == GRPC_CHANNEL_READY) return true;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN) return false;
    if (!channel.WaitForStateChange(state, absl::ToChronoTime(deadline))) return false;
  }
}

absl::Status Members::Call(Effect effect, absl::Duration timeout, absl::Duration member_timeout,
                           Attempt attempt) {
  const absl::Time deadline = absl::Now() + timeout;
  absl::Status last = Unavailable("etcd: no member could be reached");
  for (size_t tried = 1;; ++tried) {
    const size_t index = current();
    Member& member = members_[index];
    if (Connect(index, std::min(deadline, absl::Now() + member_timeout))) {
      grpc::ClientContext context;
      const bool once = effect == Effect::kOnce;
      Prepare(context, once ? deadline : std::min(deadline, absl::Now() + member_timeout));
      const grpc::Status status = attempt(member, context);
      if (status.ok()) return absl::OkStatus();
      last = Outcome(effect, status, member.endpoint);
      if (last.code() != absl::StatusCode::kUnavailable) {
        if (MayDoBetter(status)) Leave(index);
        return last;
      }
    } else if (tried <= members_.size()) {
      last = Unavailable(Cat("etcd at ", member.endpoint, ": cannot be reached"));
    }
    if (absl::Now() >= deadline) return last;
    Leave(index);
    if (tried % members_.size() != 0) continue;
    // All were asked: until something changes, or a little later.
    const absl::Time until = std::min(deadline, absl::Now() + kPause);
    member.channel->WaitForStateChange(member.channel->GetState(false), absl::ToChronoTime(until));
  }
}

absl::Status Members::CallAt(size_t index, absl::Duration timeout, Attempt attempt) {
  Member& member = members_[index];
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  const grpc::Status status = attempt(member, context);
  if (status.ok()) return absl::OkStatus();
  return Outcome(Effect::kRepeatable, status, member.endpoint);
}

}  // namespace credence::etcd
