#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "access/principal.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "engine/engine.h"
#include "query/convert.h"
#include "service/page.h"
#include "service/parse.h"
#include "service/router.h"

// The two shapes that nearly all methods have, so that a service states only what is its own: what
// a write decides and answers, and what a read looks at and answers.
namespace credence::server {

// --- Writes ---

template <typename Request, typename Response>
struct WriteMethod {
  // Stream of the write; empty where it has none of its own.
  std::function<absl::StatusOr<std::string>(const State&, const Request&)> stream;
  DecisionOr (*decide)(const State&, const DecideFacts&, const Request&);
  // Fills what is particular to the response; receipt and moves are filled already.
  absl::Status (*respond)(const WriteResult&, const Request&, Response&);
  bool needs_history = false;
};

// What identifies a write besides its id: everything of the request but the id, and whether a proof
// is wanted.
template <typename Request>
[[nodiscard]] std::string BodyOf(Request& request) {
  // Taken out for a moment: a copy of the request would cost more than the rest of this.
  v1::WriteOptions& options = *request.mutable_options();
  std::string request_id;
  request_id.swap(*options.mutable_request_id());
  const bool include_proof = options.include_proof();
  options.clear_include_proof();
  std::string body = request.SerializeAsString();
  options.set_request_id(std::move(request_id));
  options.set_include_proof(include_proof);
  return body;
}

// Where the server knows who calls, that is who writes.
inline void FillActor(const CallContext& context, v1::WriteOptions& options) {
  if (context.principal == nullptr || !options.actor().empty()) return;
  options.set_actor(context.principal->name);
}

template <typename Response>
absl::StatusOr<std::string> FinishWrite(const WriteResult& result, Response& response) {
  if (result.receipt.has_value()) *response.mutable_receipt() = ToReceipt(*result.receipt);
  return response.SerializeAsString();
}

template <typename Response>
void FillMoves(const WriteResult& result, Response& response) {
  if constexpr (requires { response.mutable_moves(); }) {
    for (const v1::PosteriorMove& move : result.decision.moves) *response.add_moves() = move;
  }
}

// For writes whose answer is their receipt.
template <typename Request, typename Response>
absl::Status RespondWithReceipt(const WriteResult&, const Request&, Response&) {
  return absl::OkStatus();
}

template <typename Request, typename Response>
void AddWrite(Router& router, Engine& engine, std::string_view service, std::string_view method,
              WriteMethod<Request, Response> write) {
  const std::string full_name = Cat("/", service, "/", method);
  router.AddBriefUnary(
      service, method,
      [&engine, full_name, write](const CallContext& context, std::string_view bytes,
                                  Answer answer) {
        auto request = std::make_shared<Request>();
        if (absl::Status parsed = ParseRequest(bytes, *request); !parsed.ok())
          return answer(parsed);
        FillActor(context, *request->mutable_options());
        WriteCommand command;
        command.method = full_name;
        command.body = BodyOf(*request);
        command.options = request->options();
        command.needs_history = write.needs_history;
        if (write.stream) {
          command.stream = [request, stream = write.stream](const State& state) {
            return stream(state, *request);
          };
        }
        command.decide = [request, decide = write.decide](const State& state,
                                                          const DecideFacts& facts) {
          return decide(state, facts, *request);
        };
        engine.Write(std::move(command), [request, write, answer = std::move(answer)](
                                             const absl::StatusOr<WriteResult>& result) {
          if (!result.ok()) return answer(result.status());
          Response response;
          FillMoves(*result, response);
          if (absl::Status filled = write.respond(*result, *request, response); !filled.ok()) {
            return answer(filled);
          }
          answer(FinishWrite(*result, response));
        });
      });
}

// --- Reads ---

// What a read works on besides its request.
struct ReadCall {
  const Engine& engine;
  StateView view;
  // For lists.
  PageStart page;
  std::string page_binding;
  // Set by a list that has more: where the next page goes on.
  std::string next_key;
  // Of the method, and of the caller.
  absl::Duration compute_max = absl::InfiniteDuration();
  absl::Time deadline = absl::InfiniteFuture();
};

template <typename Request, typename Response>
struct ReadMethod {
  // What an as-of read replays: a name such as "networks/x" of a request, or empty for everything.
  std::string (*scope)(const Request&);
  absl::Status (*answer)(ReadCall&, const Request&, Response&);
  // Longest that answering may take, where `answer` looks at it.
  absl::Duration compute_max = absl::InfiniteDuration();
};

// For reads that look at the whole ledger.
template <typename Request>
[[nodiscard]] std::string WholeLedger(const Request&) {
  return "";
}

template <typename Request>
[[nodiscard]] const v1::ReadView& ViewOf(const Request& request) {
  if constexpr (requires { request.target(); }) {
    return request.target().view();
  } else {
    return request.view();
  }
}

// Name of a list with its filters, to which its page tokens are bound.
template <typename Request>
[[nodiscard]] std::string PageBinding(const Engine& engine, std::string_view method,
                                      const Request& request) {
  Request filters = request;
  filters.clear_page();
  filters.mutable_view()->clear_min_position();
  return Cat(engine.log().verifier_key(), "/", method, "/", filters.SerializeAsString());
}

// Reads the page, and pins `view` to the position of its token.
template <typename Request>
absl::Status TakePage(const Engine& engine, std::string_view method, const Request& request,
                      ReadCall& call, v1::ReadView& view) {
  if constexpr (requires { request.page(); }) {
    call.page_binding = PageBinding(engine, method, request);
    CREDENCE_ASSIGN_OR_RETURN(call.page, ParsePage(request.page(), call.page_binding));
    if (call.page.position.has_value()) {
      view.clear_min_position();
      view.set_position(*call.page.position);
    }
  }
  return absl::OkStatus();
}

template <typename Response>
void FinishRead(Engine& engine, const std::string& scope, const ReadCall& call,
                Response& response) {
  if constexpr (requires { response.set_view_position(int64_t{0}); }) {
    response.set_view_position(call.view.position);
  }
  if constexpr (requires { response.set_next_page_token(std::string()); }) {
    if (call.next_key.empty()) return;
    response.set_next_page_token(
        MakePageToken(call.page_binding, call.view.position, call.next_key));
    engine.Remember(scope, call.view);
  }
}

template <typename Request, typename Response>
void AddRead(Router& router, Engine& engine, std::string_view service, std::string_view method,
             ReadMethod<Request, Response> read) {
  const std::string name(method);
  router.AddUnary(
      service, method,
      [&engine, name, read](const CallContext& context, std::string_view bytes, Answer answer) {
        auto request = std::make_shared<Request>();
        if (absl::Status parsed = ParseRequest(bytes, *request); !parsed.ok())
          return answer(parsed);
        auto call = std::make_shared<ReadCall>(
            ReadCall{engine, {}, {}, "", "", read.compute_max, context.deadline});
        v1::ReadView view = ViewOf(*request);
        if (absl::Status taken = TakePage(engine, name, *request, *call, view); !taken.ok()) {
          return answer(taken);
        }
        const std::string scope = read.scope(*request);
        engine.View(view, scope, context.deadline,
                    [&engine, request, call, read, scope,
                     answer = std::move(answer)](absl::StatusOr<StateView> seen) {
                      if (!seen.ok()) return answer(seen.status());
                      call->view = *std::move(seen);
                      Response response;
                      if (absl::Status read_status = read.answer(*call, *request, response);
                          !read_status.ok()) {
                        return answer(read_status);
                      }
                      FinishRead(engine, scope, *call, response);
                      answer(response.SerializeAsString());
                    });
      });
}

}  // namespace credence::server
