#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "command.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/cli/exit_code.h"
#include "credence/cli/suggestion.h"
#include "credence/client/author_key.h"
#include "credence/client/verify/note.h"
#include "credence/v1/author_service.pb.h"
#include "credence/v1/ledger_service.pb.h"
#include "output.h"

// Authors' keys: made and kept here, registered with the ledger.
namespace credence::cli {
namespace {

// A public key of `author` as people and files name it.
std::string KeyText(const std::string& author, const std::string& public_key) {
  client::VerifierKey key;
  if (public_key.size() != key.public_key.size()) return "";
  key.name = author;
  std::copy(public_key.begin(), public_key.end(), key.public_key.begin());
  key.id = client::VerifierKeyId(author, key.type, public_key);
  return client::FormatVerifierKey(key);
}

// Which ledger a key is registered with: the one of the key that is pinned, else the server's word.
absl::StatusOr<std::string> OriginOf(CliContext& context) {
  if (!context.flags().verifier_key.empty()) {
    CREDENCE_ASSIGN_OR_RETURN(const client::VerifierKey key,
                              client::ParseVerifierKey(context.flags().verifier_key));
    return key.name;
  }
  CREDENCE_ASSIGN_OR_RETURN(
      const auto info, CallRpc<v1::GetServerInfoResponse>(context, v1::GetServerInfoRequest()));
  return info.origin();
}

void AddKeygen(CLI::App* noun, CliContext& context) {
  struct Flags {
    std::string author, file;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb =
      AddVerb(noun, context, "keygen", "Make a key for an author and keep it in a file",
              [&context, flags]() -> absl::Status {
                absl::StatusOr<client::AuthorKey> key = client::AuthorKey::Generate(flags->author);
                if (!key.ok()) return UsageError(std::string(key.status().message()));
                CREDENCE_RETURN_IF_ERROR(key->Write(flags->file));
                context.out() << key->verifier_key() << "\n";
                return absl::OkStatus();
              });
  verb->add_option("AUTHOR", flags->author, "Author: forecasters/ID or sources/ID")->required();
  verb->add_option("FILE", flags->file, "New file of the private key; keep it to yourself")
      ->required();
}

void AddRegister(CLI::App* noun, CliContext& context) {
  struct Flags {
    std::string file;
    bool required = false;
    WriteFlags write;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "register",
      "Register the key of a file for its author; a second one with --author-key of the first",
      [&context, flags]() -> absl::Status {
        const absl::StatusOr<client::AuthorKey> key = client::AuthorKey::Read(flags->file);
        if (!key.ok()) return UsageError(std::string(key.status().message()));
        CREDENCE_ASSIGN_OR_RETURN(const std::string origin, OriginOf(context));
        v1::RegisterAuthorKeyRequest request;
        request.set_parent(key->author());
        request.set_public_key(key->public_key());
        request.set_possession_signature(key->SignPossession(origin));
        request.set_signature_required(flags->required);
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags->write));
        CREDENCE_ASSIGN_OR_RETURN(const auto response, CallRpc<v1::RegisterAuthorKeyResponse>(
                                                           context, std::move(request)));
        return EmitWrite(context, response);
      });
  verb->add_option("FILE", flags->file, "File of the private key, as keygen writes it")->required();
  verb->add_flag("--require-signatures", flags->required,
                 "Refuse from now on what the author states and does not sign");
  verb->add_option("--expected-revision", flags->write.expected_revision,
                   "Refuse where the stream has another revision");
}

void AddRevoke(CLI::App* noun, CliContext& context) {
  struct Flags {
    std::string key, rationale;
    WriteFlags write;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "revoke", "Put a key of an author out of force for good",
      [&context, flags]() -> absl::Status {
        const absl::StatusOr<client::VerifierKey> key = client::ParseVerifierKey(flags->key);
        if (!key.ok()) return UsageError(std::string(key.status().message()));
        v1::RevokeAuthorKeyRequest request;
        request.set_parent(key->name);
        request.set_public_key(std::string(key->public_key.begin(), key->public_key.end()));
        request.set_rationale(flags->rationale);
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags->write));
        CREDENCE_ASSIGN_OR_RETURN(
            const auto response, CallRpc<v1::RevokeAuthorKeyResponse>(context, std::move(request)));
        return EmitWrite(context, response);
      });
  verb->add_option("KEY", flags->key, "The key, as keygen and list print it")->required();
  verb->add_option("--rationale", flags->rationale, "Why");
  verb->add_option("--expected-revision", flags->write.expected_revision,
                   "Refuse where the stream has another revision");
}

Table KeyTable(const std::string& author, const v1::ListAuthorKeysResponse& response) {
  Table table({{"KEY"}, {"REGISTERED", Table::Align::kRight}, {"REVOKED", Table::Align::kRight}});
  for (const v1::AuthorKey& key : response.keys()) {
    table.AddRow({KeyText(author, key.public_key()), absl::StrCat(key.registered_position()),
                  key.has_revoked_position() ? absl::StrCat(key.revoked_position()) : ""});
  }
  return table;
}

void AddList(CLI::App* noun, CliContext& context) {
  auto author = std::make_shared<std::string>();
  CLI::App* verb = AddVerb(
      noun, context, "list", "List the keys of an author, oldest first",
      [&context, author]() -> absl::Status {
        v1::ListAuthorKeysRequest request;
        request.set_parent(*author);
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::ListAuthorKeysResponse>(context, std::move(request)));
        Presentation presentation;
        presentation.items = "keys";
        presentation.table = [&] { return KeyTable(*author, response); };
        presentation.text = [&](std::ostream& out) {
          KeyTable(*author, response).WriteText(out);
          out << (response.signature_required() ? "what it states must be signed\n"
                                                : "what it states may be signed\n");
        };
        return Emit(context, response, presentation);
      });
  verb->add_option("AUTHOR", *author, "Author: forecasters/ID or sources/ID")->required();
}

}  // namespace

void AddAuthorCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = AddNoun(app, "author", "Keys that forecasters and sources sign with");
  AddKeygen(noun, context);
  AddRegister(noun, context);
  AddRevoke(noun, context);
  AddList(noun, context);
}

}  // namespace credence::cli
