"""A container runtime's part with the node's profile: the kernel's program that it means. Run by the hub's environment.

`python node_filter.py FILE` writes the program to FILE, as bubblewrap takes it, and says whether without the rules on
namespaces, which the sandbox has no need of, it is the sandbox's own filter.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

NUMBERS = {"pidfd_getfd": 438, "memfd_secret": 447, "open_tree_attr": 467}  # an older library does not know the names
ONLY_IN_PODS = ({"clone"}, {"clone3"})


def main(target: str) -> None:
    """Read the profile as a runtime does."""
    from haven_hub.kubernetes.seccomp_profile import profile
    from haven_hub.seccomp import build_filter

    told = json.loads(json.dumps(profile()))
    rules = told["syscalls"][1:] + told["syscalls"][:1]  # in the order of the sandbox's filter
    alike = [rule for rule in rules if set(rule["names"]) not in ONLY_IN_PODS]
    Path(target).write_bytes(compiled(read(told["defaultAction"], rules)))
    mine, theirs = compiled(read(told["defaultAction"], alike)), compiled(build_filter())
    print(json.dumps({"length": len(theirs), "same": mine == theirs, "more": len(rules) - len(alike)}))


def read(otherwise: str, rules: list[dict[str, Any]]) -> Any:
    """The rules, in the library that runtimes use."""
    import pyseccomp

    compared = {"SCMP_CMP_EQ": pyseccomp.EQ, "SCMP_CMP_NE": pyseccomp.NE, "SCMP_CMP_GT": pyseccomp.GT,
                "SCMP_CMP_MASKED_EQ": pyseccomp.MASKED_EQ}  # fmt: skip
    made = pyseccomp.SyscallFilter({"SCMP_ACT_ALLOW": pyseccomp.ALLOW}[otherwise])
    for rule in rules:
        action = {"SCMP_ACT_ERRNO": pyseccomp.ERRNO}[rule["action"]](rule["errnoRet"])
        arguments = [
            pyseccomp.Arg(one["index"], compared[one["op"]], one["value"], one.get("valueTwo", 0))
            for one in rule.get("args", [])
        ]
        for name in rule["names"]:
            made.add_rule(action, NUMBERS.get(name, name), *arguments)
    return made


def compiled(made: Any) -> bytes:
    """The kernel's program."""
    number = os.memfd_create("filter")
    with os.fdopen(number, "w+b") as file:
        made.export_bpf(file)
        file.seek(0)
        return file.read()


if __name__ == "__main__":
    main(sys.argv[1])
