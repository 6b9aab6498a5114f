#pragma once

#include <string>

// What the process that is killed and the test that kills it agree on.
namespace credence::ledger {

// Number of events that the request writes, 1 to 4, so that a retry writes the same.
inline int EventCount(const std::string& request_id) {
  unsigned sum = 0;
  for (const char letter : request_id) sum = sum * 31 + static_cast<unsigned char>(letter);
  return 1 + static_cast<int>(sum % 4);
}

// The stream of the event number `index` of the request.
inline std::string StreamOf(const std::string& request_id, int index) {
  return "streams/" + std::to_string(EventCount(request_id) * 7 % 5 + index);
}

// What that event says.
inline std::string Statement(const std::string& request_id, int index) {
  return request_id + "/" + std::to_string(index);
}

}  // namespace credence::ledger
