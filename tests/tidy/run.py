"""Runs the checks that need no compiler, and prints each finding. Exit code 1 where there is one."""

import sys

import arrows
import dead
import documents
import packages
import style
from tree import Tree


def main():
    tree = Tree.read()
    findings = [finding
                for module in (arrows, style, dead, packages, documents)
                for finding in module.check(tree)]
    for finding in findings:
        print(finding)
    print(f"{len(tree.texts)} files, {len(findings)} findings", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
