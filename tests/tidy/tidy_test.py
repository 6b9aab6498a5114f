"""The checks find what they look for: one planted breach a case, on a small tree made here."""

import unittest

import arrows
import dead
import documents
import errors_reference
import packages
import style
from tree import Tree, without_literals


def findings(module, files):
    """The findings of one check on a tree of the given files."""
    return list(module.check(Tree(files)))


class ArrowsTest(unittest.TestCase):
    def found(self, path, text):
        return findings(arrows, {path: text})

    def test_rooms_below_the_server_do_not_see_each_other(self):
        rooms = ("ledger", "forecaster", "scoring")
        for room in rooms:
            for other in rooms:
                found = self.found(f"{room}/src/a.cc", f'#include "credence/{other}/b.h"\n')
                self.assertEqual(len(found), 0 if room == other else 1, (room, other, found))

    def test_clients_see_neither_ledger_nor_server(self):
        for room in ("clients/cpp", "clients/cli"):
            for other in ("ledger", "forecaster", "scoring", "server"):
                found = self.found(f"{room}/src/a.cc", f'#include "credence/{other}/b.h"\n')
                self.assertEqual(len(found), 1, (room, other))

    def test_link_line_against_an_arrow_is_found(self):
        found = self.found("ledger/CMakeLists.txt",
                           "target_link_libraries(credence_ledger PUBLIC credence_base\n"
                           "  PRIVATE credence_forecaster)\n")
        self.assertEqual(found, ["ledger/CMakeLists.txt: credence_ledger must not link "
                                 "credence_forecaster"])

    def test_alias_counts_as_its_target(self):
        self.assertEqual(len(self.found(
            "clients/cli/CMakeLists.txt",
            "target_link_libraries(credence_cli PUBLIC credence::ledger)")), 1)

    def test_pure_rooms_use_neither_protobuf_nor_clock_nor_files(self):
        for name in ('"google/protobuf/message.h"', "<fstream>", "<thread>", '"absl/time/clock.h"'):
            self.assertEqual(len(self.found("forecaster/src/a.cc", f"#include {name}\n")), 1, name)

    def test_only_the_ledger_knows_the_store(self):
        text = '#include "rocksdb/db.h"\n'
        self.assertEqual(self.found("ledger/src/a.cc", text), [])
        self.assertEqual(len(self.found("server/src/a.cc", text)), 1)

    def test_server_proper_does_not_see_the_command_line(self):
        text = '#include "credence/cli/cli.h"\n'
        self.assertEqual(len(self.found("server/src/service/a.cc", text)), 1)
        self.assertEqual(self.found("server/src/main/main.cc", text), [])


class StyleTest(unittest.TestCase):
    def found(self, text, path="base/src/a.cc"):
        return findings(style, {path: text})

    def test_function_of_seventy_lines_passes_and_of_seventy_one_is_found(self):
        def function(lines):
            return "int F(int a) {\n" + "  a += 1;\n" * (lines - 2) + "}\n"
        self.assertEqual(self.found(function(70)), [])
        self.assertEqual(len(self.found(function(71))), 1)

    def test_namespace_and_class_are_no_functions(self):
        text = "namespace a {\nclass B : public C<int> {\n" + "  int D();\n" * 100 + "};\n}\n"
        self.assertEqual(self.found(text), [])

    def test_method_inside_a_long_class_is_measured(self):
        text = "class B {\n  void D() {\n" + "    E();\n" * 80 + "  }\n};\n"
        self.assertEqual(len(self.found(text)), 1)

    def test_braces_in_literals_and_comments_do_not_count(self):
        self.assertEqual(without_literals('a("{"); // {\nR"x({)x" \'{\' /* { */').count("{"), 0)

    def test_digit_separator_is_no_character_literal(self):
        self.assertIn("{", without_literals("int a = 1'000'000; void F() {"))

    def test_file_of_eight_hundred_and_one_lines_is_found(self):
        self.assertEqual(self.found("int a;\n" * 800), [])
        self.assertEqual(len(self.found("int a;\n" * 801)), 1)

    def test_each_banned_word_is_found(self):
        for text in ("auto a = std::views::iota(1);", "std::ranges::views::take(2);",
                     "std::format(b);", "co_await c;", "using namespace d;", "s << std::endl;",
                     "assert(e);", "f = NULL;", "rand();", "sprintf(g);", "sleep_for(h);",
                     "GTEST_SKIP();", "TEST(I, DISABLED_J) {}"):
            self.assertEqual(len(self.found(text + "\n")), 1, text)

    def test_banned_word_in_a_comment_or_a_name_passes(self):
        self.assertEqual(self.found("// std::format\nint operand(int a);\nint static_assertion;\n"),
                         [])

    def test_reminder_is_found_in_any_text(self):
        for word in ("TO" + "DO", "FIX" + "ME", "for " + "now"):
            self.assertEqual(len(self.found(f"{word}: later\n", "docs/a.md")), 1, word)

    def test_header_needs_pragma_once(self):
        self.assertEqual(len(self.found("int a;\n", "base/include/a.h")), 1)

    def test_generated_file_is_found(self):
        self.assertEqual(len(self.found("", "proto/credence/v1/a.pb.cc")), 1)

    def test_blanks_tabs_and_a_missing_line_feed_are_found(self):
        for text in ("int a; \n", "\tint a;\n", "int a;", "int\u202e a;\n"):
            self.assertEqual(len(self.found(text)), 1, repr(text))


class DeadTest(unittest.TestCase):
    def test_header_without_include_is_found(self):
        files = {"base/include/credence/base/a.h": "", "base/src/b.h": "",
                 "base/src/c.cc": '#include "credence/base/a.h"\n'}
        self.assertEqual(findings(dead, files), ["base/src/b.h: no file includes it"])

    def test_header_of_the_same_name_elsewhere_does_not_count(self):
        files = {"base/include/credence/base/a.h": "", "base/src/c.cc": '#include "other/a.h"\n'}
        self.assertEqual(len(findings(dead, files)), 1)

    def test_test_that_no_cmake_file_names_is_found(self):
        files = {"tests/base/CMakeLists.txt": "a_test.cc", "tests/base/a_test.cc": "",
                 "tests/base/b_test.cc": ""}
        self.assertEqual(len(findings(dead, files)), 1)

    def test_script_that_nothing_names_is_found(self):
        files = {"Makefile": "run a.sh", "a.sh": "", "b.sh": ""}
        self.assertEqual(findings(dead, files), ["b.sh: nothing names it"])

    def test_document_that_none_links_to_is_found(self):
        files = {"README.md": "[a](docs/a.md)", "docs/a.md": "", "docs/b.md": ""}
        self.assertEqual(findings(dead, files), ["docs/b.md: no document links to it"])


class PackagesTest(unittest.TestCase):
    LISTS = {"deploy/packages.txt": "".join(f"{name}  # why\n" for name in packages.UNNAMED),
             "deploy/packages-bench.txt": "", "deploy/packages-check.txt": ""}

    def found(self, more="", cmake=""):
        listed = self.LISTS["deploy/packages.txt"] + more
        return findings(packages, {**self.LISTS, "deploy/packages.txt": listed,
                                   "CMakeLists.txt": cmake})

    def test_list_without_use_is_found(self):
        self.assertEqual(self.found(more="cmake # why\n"),
                         ["deploy/packages.txt: nothing looks for cmake"])

    def test_use_without_list_is_found(self):
        self.assertEqual(len(self.found(cmake="find_package(RocksDB CONFIG REQUIRED)")), 1)
        self.assertEqual(len(self.found(cmake="find_program(CREDENCE_LLD ld.lld)")), 1)

    def test_use_of_something_unknown_is_found(self):
        self.assertIn("does not say what provides it",
                      self.found(cmake="find_package(Unheard)")[0])

    def test_package_without_reason_is_found(self):
        self.assertIn("has no reason", self.found(more="ccache\n",
                                                  cmake="find_program(X ccache)")[0])

    def test_list_and_use_together_pass(self):
        self.assertEqual(self.found(more="ccache # why\n",
                                    cmake="find_program(CREDENCE_CCACHE ccache)"), [])


class DocumentsTest(unittest.TestCase):
    PROTO = ("  // The cause. What to do.\n  ERROR_REASON_A = 1 [(grpc_code) = 3];\n")
    EVIDENCE = "oneof statement {\n    // Ratio.\n    double ratio = 1;\n  }\n"
    THREATS = "# S\n\n## Threats\n\n| who | tests |\n|---|---|\n| a | `A.B`, `C.D` |\n"

    def found(self, page="# A\n", **more):
        files = {"proto/credence/v1/error_reason.proto": self.PROTO,
                 "docs/reference/errors.md": errors_reference.page(self.PROTO),
                 documents.EVIDENCE_PROTO: self.EVIDENCE,
                 documents.EVIDENCE_PAGE: "# E\n\n`ratio`\n", "docs/a.md": page,
                 documents.THREATS_PAGE: self.THREATS,
                 "tests/a_test.cc": "TEST(A, B) {}\nTEST_F(C, D) {}\n"}
        return findings(documents, {**files, **more})

    def test_whole_set_passes(self):
        self.assertEqual(self.found(), [])

    def test_second_title_and_missing_title_are_found(self):
        self.assertEqual(len(self.found("# A\n\n# B\n")), 1)
        self.assertEqual(len(self.found("A\n")), 1)

    def test_title_inside_a_code_block_does_not_count(self):
        self.assertEqual(self.found("# A\n\n```sh\n# not a title\n```\n"), [])

    def test_link_to_nothing_is_found(self):
        self.assertEqual(len(self.found("# A\n\n[b](b.md)\n")), 1)
        self.assertEqual(len(self.found("# A\n\n[b](#b)\n")), 1)
        self.assertEqual(self.found("# A\n\n## B c\n\n[b](#b-c)\n"), [])

    def test_reference_of_errors_out_of_step_is_found(self):
        self.assertEqual(len(self.found(**{"docs/reference/errors.md": "# Errors\n"})), 1)

    def test_form_of_evidence_without_words_is_found(self):
        self.assertEqual(len(self.found(**{documents.EVIDENCE_PAGE: "# E\n"})), 1)

    def test_threat_whose_test_is_gone_is_found(self):
        self.assertEqual(len(self.found(**{"tests/a_test.cc": "TEST(A, B) {}\n"})), 1)

    def test_threat_without_a_test_is_found(self):
        page = self.THREATS + "| b | none |\n"
        self.assertEqual(len(self.found(**{documents.THREATS_PAGE: page})), 1)

    def test_table_of_threats_that_is_gone_is_found(self):
        self.assertEqual(len(self.found(**{documents.THREATS_PAGE: "# S\n"})), 1)


if __name__ == "__main__":
    unittest.main()
