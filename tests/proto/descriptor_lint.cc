#include "descriptor_lint.h"

#include <functional>
#include <map>
#include <regex>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/unknown_field_set.h"

namespace credence::proto_lint {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::OneofDescriptor;
using google::protobuf::ServiceDescriptor;
using google::protobuf::SourceLocation;

bool Matches(const std::string& text, const char* pattern) {
  return std::regex_match(text, std::regex(pattern));
}

bool IsPascalCase(const std::string& name) { return Matches(name, "([A-Z][a-z0-9]*)+"); }
bool IsSnakeCase(const std::string& name) { return Matches(name, "[a-z][a-z0-9]*(_[a-z0-9]+)*"); }
bool IsUpperSnakeCase(const std::string& name) {
  return Matches(name, "[A-Z][A-Z0-9]*(_[A-Z0-9]+)*");
}

// "ErrorReason" gives "ERROR_REASON_".
std::string ValuePrefix(const std::string& enum_name) {
  std::string prefix;
  for (const char letter : enum_name) {
    const bool upper = letter >= 'A' && letter <= 'Z';
    if (upper && !prefix.empty()) prefix += '_';
    prefix += static_cast<char>(letter >= 'a' && letter <= 'z' ? letter - 'a' + 'A' : letter);
  }
  return prefix + "_";
}

// Collects the findings of one file.
class Linter {
 public:
  explicit Linter(const FileDescriptor& file) : file_(file) {}

  std::vector<std::string> Run() {
    CheckFile();
    for (int i = 0; i < file_.message_type_count(); ++i) CheckMessage(*file_.message_type(i));
    for (int i = 0; i < file_.enum_type_count(); ++i) CheckEnum(*file_.enum_type(i));
    for (int i = 0; i < file_.extension_count(); ++i) CheckField(*file_.extension(i));
    for (int i = 0; i < file_.service_count(); ++i) CheckService(*file_.service(i));
    CheckImports();
    return std::move(findings_);
  }

 private:
  void Require(bool holds, absl::string_view element, absl::string_view rule) {
    if (!holds) findings_.push_back(absl::StrCat(file_.name(), ": ", element, ": ", rule));
  }

  template <typename T>
  std::string Comment(const T& element) {
    SourceLocation location;
    if (!element.GetSourceLocation(&location)) return "";
    return location.leading_comments + location.trailing_comments;
  }

  template <typename T>
  void RequireComment(const T& element) {
    Require(Comment(element).find_first_not_of(" \n\t") != std::string::npos, element.full_name(),
            "has no comment");
  }

  void CheckFile() {
    const std::string directory = file_.name().substr(0, file_.name().rfind('/'));
    const std::string base = file_.name().substr(file_.name().rfind('/') + 1);
    Require(file_.syntax() == FileDescriptor::SYNTAX_PROTO3, "syntax", "is not proto3");
    Require(directory == absl::StrReplaceAll(file_.package(), {{".", "/"}}), file_.package(),
            "package does not match the directory");
    Require(Matches(file_.package(), "[a-z0-9_.]+\\.v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?"),
            file_.package(), "package has no version suffix");
    Require(Matches(base, "[a-z][a-z0-9]*(_[a-z0-9]+)*\\.proto"), base,
            "file name is not lower_snake_case");
    Require(file_.public_dependency_count() == 0, base, "imports publicly");
    Require(file_.weak_dependency_count() == 0, base, "imports weakly");
  }

  void CheckMessage(const Descriptor& message) {
    if (message.options().map_entry()) return;
    RequireComment(message);
    Require(IsPascalCase(message.name()), message.full_name(), "is not PascalCase");
    for (int i = 0; i < message.field_count(); ++i) CheckField(*message.field(i));
    for (int i = 0; i < message.real_oneof_decl_count(); ++i) CheckOneof(*message.oneof_decl(i));
    for (int i = 0; i < message.nested_type_count(); ++i) CheckMessage(*message.nested_type(i));
    for (int i = 0; i < message.enum_type_count(); ++i) CheckEnum(*message.enum_type(i));
    if (absl::EndsWith(message.name(), "Request")) CheckRequestFields(message);
  }

  void CheckOneof(const OneofDescriptor& oneof) {
    RequireComment(oneof);
    Require(IsSnakeCase(oneof.name()), oneof.full_name(), "is not lower_snake_case");
  }

  void CheckField(const FieldDescriptor& field) {
    RequireComment(field);
    Require(IsSnakeCase(field.name()), field.full_name(), "is not lower_snake_case");
    Require(field.cpp_type() != FieldDescriptor::CPPTYPE_UINT32 &&
                field.cpp_type() != FieldDescriptor::CPPTYPE_UINT64,
            field.full_name(), "is unsigned");
    Require(!absl::StartsWith(field.name(), "is_"), field.full_name(), "begins with is_");
    if (field.message_type() == nullptr) return;
    Use(*field.message_type()->file());
    const std::string& type = field.message_type()->full_name();
    if (type == "google.protobuf.Timestamp") {
      Require(absl::StrContains(field.name(), "_time"), field.full_name(), "is not named …_time");
    }
    if (type == "google.protobuf.Duration") {
      Require(absl::EndsWith(field.name(), "_duration"), field.full_name(),
              "is not named …_duration");
    }
  }

  // The first word of a request field's comment says whether the caller must set it.
  void CheckRequestFields(const Descriptor& message) {
    for (int i = 0; i < message.field_count(); ++i) {
      const std::string comment = Comment(*message.field(i));
      Require(Matches(comment.substr(0, comment.find('\n')), " ?(REQUIRED|OPTIONAL)\\b.*"),
              message.field(i)->full_name(), "says neither REQUIRED nor OPTIONAL");
    }
  }

  void CheckEnum(const EnumDescriptor& type) {
    RequireComment(type);
    Require(IsPascalCase(type.name()), type.full_name(), "is not PascalCase");
    Require(!type.options().allow_alias(), type.full_name(), "allows aliases");
    const std::string prefix = ValuePrefix(type.name());
    const EnumValueDescriptor& zero = *type.value(0);
    Require(zero.number() == 0, zero.full_name(), "first value is not 0");
    Require(zero.name() == prefix + "UNSPECIFIED", zero.full_name(),
            "zero value is not named _UNSPECIFIED");
    for (int i = 0; i < type.value_count(); ++i) {
      const EnumValueDescriptor& value = *type.value(i);
      RequireComment(value);
      Require(IsUpperSnakeCase(value.name()), value.full_name(), "is not UPPER_SNAKE_CASE");
      Require(absl::StartsWith(value.name(), prefix), value.full_name(),
              "does not begin with its enum's name");
    }
  }

  void CheckService(const ServiceDescriptor& service) {
    RequireComment(service);
    Require(IsPascalCase(service.name()), service.full_name(), "is not PascalCase");
    Require(absl::EndsWith(service.name(), "Service"), service.full_name(),
            "does not end in Service");
    for (int i = 0; i < service.method_count(); ++i) CheckMethod(*service.method(i));
  }

  void CheckMethod(const MethodDescriptor& method) {
    RequireComment(method);
    Use(*method.input_type()->file());
    Use(*method.output_type()->file());
    Require(IsPascalCase(method.name()), method.full_name(), "is not PascalCase");
    Require(method.input_type()->name() == method.name() + "Request", method.full_name(),
            "request is not named after the rpc");
    Require(method.output_type()->name() == method.name() + "Response", method.full_name(),
            "response is not named after the rpc");
    Require(!method.client_streaming(), method.full_name(),
            "streams from the client, which browsers cannot do");
    CheckSideEffects(method);
  }

  // A write takes options that identify it, and only what cannot write may be repeated freely. What
  // an operator has the server do outside the ledger, such as a backup or a grant, is neither.
  void CheckSideEffects(const MethodDescriptor& method) {
    if (method.service()->name() == "AdminService" && method.server_streaming()) return;
    if (method.service()->name() == "AccessService") return;
    const bool writes = method.input_type()->FindFieldByName("options") != nullptr;
    const bool marked =
        method.options().idempotency_level() == google::protobuf::MethodOptions::NO_SIDE_EFFECTS;
    Require(writes != marked, method.full_name(),
            "has both write options and NO_SIDE_EFFECTS, or neither");
  }

  void Use(const FileDescriptor& file) { used_.insert(file.name()); }

  // The files that define the options that are set.
  void UseOptions(const google::protobuf::FieldOptions& options) {
    const auto* type = file_.pool()->FindMessageTypeByName("google.protobuf.FieldOptions");
    if (type == nullptr) return;
    // Those that this program was not compiled with are unknown fields of the options.
    const auto& unknown = options.GetReflection()->GetUnknownFields(options);
    for (int i = 0; i < unknown.field_count(); ++i) {
      const auto* field = file_.pool()->FindExtensionByNumber(type, unknown.field(i).number());
      if (field != nullptr) Use(*field->file());
    }
  }

  void CheckImports() {
    for (int i = 0; i < file_.extension_count(); ++i) {
      Use(*file_.extension(i)->containing_type()->file());
    }
    const std::function<void(const Descriptor&)> use_enums = [&](const Descriptor& message) {
      for (int i = 0; i < message.field_count(); ++i) {
        UseOptions(message.field(i)->options());
        if (message.field(i)->enum_type() != nullptr) Use(*message.field(i)->enum_type()->file());
      }
      for (int i = 0; i < message.nested_type_count(); ++i) use_enums(*message.nested_type(i));
    };
    for (int i = 0; i < file_.message_type_count(); ++i) use_enums(*file_.message_type(i));
    for (int i = 0; i < file_.dependency_count(); ++i) {
      Require(used_.contains(file_.dependency(i)->name()), file_.dependency(i)->name(),
              "is imported and not used");
    }
  }

  const FileDescriptor& file_;
  std::set<std::string> used_;
  std::vector<std::string> findings_;
};

}  // namespace

std::vector<std::string> LintFile(const FileDescriptor& file) { return Linter(file).Run(); }

std::vector<std::string> LintServices(const std::vector<const FileDescriptor*>& files) {
  std::map<std::string, int> uses;
  for (const FileDescriptor* file : files) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        ++uses[file->service(i)->method(j)->input_type()->full_name()];
        ++uses[file->service(i)->method(j)->output_type()->full_name()];
      }
    }
  }
  std::vector<std::string> findings;
  for (const auto& [message, count] : uses) {
    if (count > 1) findings.push_back(absl::StrCat(message, ": is used by two rpcs"));
  }
  return findings;
}

}  // namespace credence::proto_lint
