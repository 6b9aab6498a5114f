#include "service/router.h"

#include <utility>

#include "credence/base/check.h"
#include "google/protobuf/descriptor.h"

namespace credence::server {
namespace {

const google::protobuf::ServiceDescriptor* FindService(std::string_view name) {
  return google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(std::string(name));
}

}  // namespace

void Router::AddUnary(std::string_view service, std::string_view method, UnaryHandler handler) {
  Add(service, method, false, {std::move(handler), nullptr});
}

void Router::AddBriefUnary(std::string_view service, std::string_view method,
                           UnaryHandler handler) {
  Add(service, method, false, {std::move(handler), nullptr, true});
}

void Router::AddStream(std::string_view service, std::string_view method, StreamHandler handler) {
  Add(service, method, true, {nullptr, std::move(handler)});
}

void Router::Add(std::string_view service, std::string_view method, bool streams, Method entry) {
  const auto* declared = FindService(service);
  CREDENCE_CHECK(declared != nullptr);
  const auto* method_declared = declared->FindMethodByName(std::string(method));
  CREDENCE_CHECK(method_declared != nullptr);
  CREDENCE_CHECK(method_declared->server_streaming() == streams);
  const bool is_new =
      services_[std::string(service)].emplace(std::string(method), std::move(entry)).second;
  CREDENCE_CHECK(is_new);
}

void Router::Wrap(
    const std::function<Method(const std::string&, const std::string&, Method)>& wrap) {
  for (auto& [service, methods] : services_) {
    for (auto& [method, entry] : methods) {
      const bool brief = entry.brief;
      entry = wrap(service, method, std::move(entry));
      entry.brief = brief;
    }
  }
}

void Router::CheckComplete() const {
  for (const auto& [name, methods] : services_) {
    CREDENCE_CHECK(FindService(name)->method_count() == static_cast<int>(methods.size()));
  }
}

}  // namespace credence::server
