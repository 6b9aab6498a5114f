#include <memory>
#include <string>

#include "credence/base/check.h"
#include "credence/ledger/event.h"
#include "credence/v1/common.pb.h"
#include "credence/v1/evidence_service.pb.h"
#include "credence/v1/network_service.pb.h"
#include "credence/v1/question_service.pb.h"
#include "fold/fold.h"
#include "fuzz_target.h"
#include "service/page.h"
#include "service/parse.h"
#include "state/state.h"

// Protobuf from outside: requests, page tokens, and entries with their Any payloads.
namespace credence::fuzz {
namespace {

template <typename Request>
void ReadRequest(std::string_view input) {
  Request request;
  const absl::Status parsed = server::ParseRequest(input, request);
  if (!parsed.ok()) return;
  CREDENCE_CHECK(!server::FindInvalidText(*Request::descriptor(), input).has_value());
}

void ReadRequests(std::string_view input) {
  ReadRequest<v1::CreateNetworkRequest>(input);
  ReadRequest<v1::BatchCreateEvidenceRequest>(input);
  ReadRequest<v1::CreateQuestionRequest>(input);
}

// Once as a token, and once as the key that a token holds.
void ReadPageToken(std::string_view input) {
  constexpr std::string_view kBinding = "questions";
  const auto position = static_cast<int64_t>(input.size());
  v1::PageRequest made;
  made.set_page_token(server::MakePageToken(kBinding, position, input));
  const auto own = server::ParsePage(made, kBinding);
  CREDENCE_CHECK(own.ok() && own->key == input && own->position == position);
  CREDENCE_CHECK(!server::ParsePage(made, "networks").ok());
  v1::PageRequest page;
  page.set_page_token(std::string(input));
  const auto start = server::ParsePage(page, kBinding);
  if (!start.ok() || !start->key.has_value()) return;
  CREDENCE_CHECK(start->position.has_value());
  page.set_page_token(server::MakePageToken(kBinding, *start->position, *start->key));
  CREDENCE_CHECK(server::ParsePage(page, kBinding).ok());
}

// Bytes as the log may hold them; only their hash says that a server wrote them.
void ReadLogEntry(std::string_view input) { (void)ledger::DecodeEntry(input); }

}  // namespace

std::vector<FuzzTarget> MessageTargets() {
  return {{"request", ReadRequests}, {"page-token", ReadPageToken}, {"log-entry", ReadLogEntry}};
}

}  // namespace credence::fuzz
