#include "service/parse.h"

#include <map>

#include "credence/base/error.h"
#include "credence/base/strings.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"

namespace credence::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// As deep as protobuf's own parser goes.
constexpr int kDepthMax = 100;

// Whether `text` is well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates,
// nothing above U+10FFFF.
bool IsUtf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    size_t length = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    if (lead < 0x80) {
      length = 1;
    } else if (lead >= 0xc2 && lead <= 0xdf) {
      length = 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      length = 3;
      if (lead == 0xe0) low = 0xa0;
      if (lead == 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      length = 4;
      if (lead == 0xf0) low = 0x90;
      if (lead == 0xf4) high = 0x8f;
    }
    if (length == 0 || i + length > text.size()) return false;
    for (size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if (next < (k == 1 ? low : 0x80) || next > (k == 1 ? high : 0xbf)) return false;
    }
    i += length;
  }
  return true;
}

std::optional<std::string> Find(const Descriptor& type, std::string_view bytes, int depth) {
  CodedInputStream input(reinterpret_cast<const uint8_t*>(bytes.data()),
                         static_cast<int>(bytes.size()));
  std::map<int, int> counts;
  while (const uint32_t tag = input.ReadTag()) {
    const int number = WireFormatLite::GetTagFieldNumber(tag);
    const FieldDescriptor* field = type.FindFieldByNumber(number);
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(&input, tag)) return std::nullopt;
      continue;
    }
    uint32_t length = 0;
    if (!input.ReadVarint32(&length)) return std::nullopt;
    const auto offset = static_cast<size_t>(input.CurrentPosition());
    if (length > bytes.size() - offset) return std::nullopt;
    const std::string_view content = bytes.substr(offset, length);
    input.Skip(static_cast<int>(length));
    if (field == nullptr) continue;
    std::string path = field->name();
    if (field->is_repeated()) path += Cat("[", counts[number]++, "]");
    if (field->type() == FieldDescriptor::TYPE_STRING && !IsUtf8(content)) return path;
    if (field->type() == FieldDescriptor::TYPE_MESSAGE && depth < kDepthMax) {
      const auto inner = Find(*field->message_type(), content, depth + 1);
      if (inner.has_value()) return Cat(path, ".", *inner);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> FindInvalidText(const Descriptor& type, std::string_view bytes) {
  return Find(type, bytes, 0);
}

absl::Status ParseRequest(std::string_view bytes, google::protobuf::Message& request) {
  if (request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::OkStatus();
  }
  if (const auto path = FindInvalidText(*request.GetDescriptor(), bytes); path.has_value()) {
    return InvalidField("FIELD_INVALID", *path, "is not valid UTF-8");
  }
  ErrorDetail detail;
  detail.reason = "FIELD_INVALID";
  return MakeError(absl::StatusCode::kInvalidArgument,
                   Cat("the request is not a well-formed ", request.GetDescriptor()->full_name()),
                   detail);
}

}  // namespace credence::server
