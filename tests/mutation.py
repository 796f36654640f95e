"""Do the tests notice when the code is broken? Breaks it on purpose, in one place at a time, and runs the tests.

    python tests/mutation.py --sample 200 --seed 0              # a random sample over all rooms
    python tests/mutation.py --sample 30 --room metrics boxes   # over some rooms

mutmut makes the mutants, two kinds are added here (0.4 for 0.5, max for min); words of error messages are left alone.
A mutant is imported instead of its module, no file is changed. The doctests of the module and the tests of its room run
until the first failure, in a fork of a process that has imported TensorFlow and computed nothing with it (Linux, macOS;
``pip install mutmut``). Mutants that change nothing anybody could see stand in ``equivalent_mutants.txt`` with the
reason. Ends with 1 when less than 90 % of the others are noticed.
"""

import argparse
import collections
import contextlib
import difflib
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import math
import os
import pathlib
import random
import signal
import sys
import time

ROOT = pathlib.Path(__file__).parents[1]
EQUIVALENT = pathlib.Path(__file__).with_name("equivalent_mutants.txt")
LEAST = 0.9
GIBIBYTES = 12  # of address space: a mutant may ask for any amount of memory

# The tests that belong to each module; its doctests come first. A room is a module or a folder of modules.
TESTS = {
    "ops.py": ["test_ops"],
    "shapes.py": ["test_shapes", "test_ops"],
    "boxes.py": ["test_boxes"],
    "metrics.py": ["test_metrics"],
    "samples.py": ["test_data", "test_scenes"],
    "scenes.py": ["test_scenes", "test_data"],
    "training.py": ["test_training"],
    **dict.fromkeys(
        [f"augmentation/{name}.py" for name in ("base", "layers", "pixels", "ranges", "targets")],
        ["test_augmentation_targets", "test_augmentation_chance", "test_augmentation"],
    ),
    "networks/_ask.py": ["test_segmentation", "test_detection", "test_proposals", "test_masks"],
    "networks/encoder.py": ["test_segmentation", "test_detection"],
    "networks/segmentation.py": ["test_segmentation"],
    "networks/detection.py": ["test_detection", "test_proposals"],
    "networks/proposals.py": ["test_proposals"],
    "networks/masks.py": ["test_masks"],
    "networks/panoptic.py": ["test_panoptic"],
    "networks/photos.py": ["test_photos"],
    "homework/compare.py": ["test_homework_cases", "test_homework", "-k not hw and not seeds"],  # without the sets
    "homework/causes.py": ["test_homework_cases", "test_homework", "-k not hw and not seeds"],
}
ROOMS = list(dict.fromkeys(path.split("/")[0].removesuffix(".py") for path in TESTS))

PAIRS = ("min max", "minimum maximum", "reduce_min reduce_max", "argmin argmax", "any all", "floor ceil", "zeros ones")
SWAPS = dict(pair for one in PAIRS for pair in (one.split(), one.split()[::-1]))

Mutant = collections.namedtuple("Mutant", "path, function, source, broken")


def room(path):
    """The room of a module."""
    return path.split("/")[0].removesuffix(".py")


def smaller_number(node):
    """0.5 becomes 0.4, 100 becomes 99: a limit that is a little off. mutmut itself adds one."""
    value = getattr(node, "evaluated_value", None)
    if isinstance(value, float) and 0.01 <= value < math.inf:
        yield node.with_changes(value=repr(round(0.8 * value, 9)))
    elif isinstance(value, int) and value > 1:
        yield node.with_changes(value=repr(value - 1))


def other_extreme(node):
    """The call of another function, such as max for min."""
    name = getattr(node.func, "attr", node.func)
    if getattr(name, "value", None) in SWAPS:
        yield node.with_deep_changes(name, value=SWAPS[name.value])


def mutants(path):
    """Every mutant of a module: its function, and a call that gives the broken code."""
    import libcst as cst
    from mutmut.mutation.file_mutation import create_mutations
    from mutmut.mutation.mutators import mutation_operators

    own = (cst.BaseNumber, smaller_number), (cst.Call, other_extreme)
    mutation_operators.extend(one for one in own if one not in mutation_operators)

    source = (ROOT / "cvhelpers" / path).read_text("utf-8")
    module, mutations, _, _ = create_mutations(path, source)

    def below(node):
        yield node
        for child in node.children:
            yield from below(child)

    class Messages(cst.CSTVisitor):
        def __init__(self):
            super().__init__()
            self.nodes = set()

        def visit_Raise(self, node):
            self.nodes.update(map(id, below(node)))

    messages = Messages()
    module.visit(messages)
    for one in mutations:
        if id(one.original_node) not in messages.nodes:
            owner = one.contained_by_top_level_function
            name = owner.name.value if isinstance(owner, cst.FunctionDef) else "outside functions"
            yield Mutant(path, name, source, functools.partial(broken_code, module, one))


def broken_code(module, mutation):
    """The code of a module with one mutation."""
    from mutmut.mutation.file_mutation import deep_replace

    return deep_replace(module, mutation.original_node, mutation.mutated_node).code


def difference(mutant, code):
    """The lines that a mutant changes, as they stand in the list of equivalent ones."""
    lines = difflib.unified_diff(mutant.source.splitlines(), code.splitlines(), n=0, lineterm="")
    changed = [f"{line[0]} {line[1:].strip()}" for line in list(lines)[2:] if line[0] in "+-"]
    return "\n".join([f"{mutant.path} {mutant.function}", *changed])


def equivalent():
    """Differences that nobody could see -> the reason."""
    blocks = EQUIVALENT.read_text("utf-8").strip().split("\n\n")
    found = {}
    for block in blocks[1:]:  # the first one explains
        reason, _, changed = block.partition("\n")
        found[changed] = reason.removeprefix("# ")
    return found


class Broken(importlib.abc.MetaPathFinder, importlib.machinery.SourceFileLoader):
    """Imports one module with other code than its file has."""

    def __init__(self, path, code):
        file = ROOT / "cvhelpers" / path
        super().__init__("cvhelpers." + path.removesuffix(".py").replace("/", "."), str(file))
        self.code = code

    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def get_code(self, name):
        # What tf.data maps is read and compiled once more by AutoGraph: from these lines, not from the file.
        lines, update = self.code.splitlines(keepends=True), linecache.updatecache
        linecache.cache[self.path] = len(self.code), None, lines, self.path
        linecache.updatecache = lambda file, *more: lines if file == self.path else update(file, *more)
        return compile(self.code, self.path, "exec")


def import_what_tests_need():
    """TensorFlow and the rest, imported once for all tests; nothing is computed, so that the process can be forked."""
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = "1"
    os.environ |= {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    os.environ["MPLBACKEND"] = "agg"
    import hypothesis
    import keras  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import nbformat  # noqa: F401
    import pytest  # noqa: F401
    import scipy.ndimage  # noqa: F401
    import scipy.signal  # noqa: F401
    import scipy.special  # noqa: F401
    import skimage.data  # noqa: F401
    import tensorflow  # noqa: F401

    quick = [hypothesis.Phase.explicit, hypothesis.Phase.generate]  # no search for the smallest example
    hypothesis.settings.register_profile("mutation", phases=quick, database=None, derandomize=True, deadline=None)
    hypothesis.settings.load_profile("mutation")


def run_tests(path, code, seconds):
    """``"passed"``, ``"failed"`` or ``"late"`` for the tests of a module, with this code in its place."""
    child = os.fork()
    if not child:
        import resource
        import subprocess

        import pytest

        os.setsid()
        nothing = os.open(os.devnull, os.O_WRONLY)
        if not os.environ.get("MUTATION_VERBOSE"):
            os.dup2(nothing, 1), os.dup2(nothing, 2)
        resource.setrlimit(resource.RLIMIT_AS, (GIBIBYTES << 30,) * 2)
        sys.meta_path.insert(0, Broken(path, code))
        subprocess.run = lambda *args, **settings: pytest.skip("another Python does not see the mutant")
        tests = [name if name.startswith("-") else f"tests/{name}.py" for name in TESTS[path]]
        # plain: pytest would load the module, which is an argument of its own, past the import of the mutant
        options = ["-x", "-q", "--assert=plain", "--override-ini=addopts=", "--doctest-modules", "-pno:cacheprovider"]
        status = 1
        try:
            status = pytest.main([*options, f"cvhelpers/{path}", *tests])
        finally:
            os._exit(int(status))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
        time.sleep(0.05)
    else:
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return "late"
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what a test started and left behind
    return "passed" if os.waitpid(child, 0)[1] == 0 else "failed"


def interval(hits, count):
    """Wilson's interval that holds the true share with 95 %."""
    z, share = 1.96, hits / count
    middle, half = share + z * z / 2 / count, z * math.sqrt(share * (1 - share) / count + z * z / 4 / count**2)
    return (middle - half) / (1 + z * z / count), (middle + half) / (1 + z * z / count)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--sample", type=int, default=100, help="mutants (default 100)")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other mutants (default 0)")
    parser.add_argument("--room", nargs="+", choices=ROOMS, default=ROOMS, help="rooms (default: all)")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    everything = [one for path in TESTS if room(path) in arguments.room for one in mutants(path)]
    count = min(arguments.sample, len(everything))
    sample = random.Random(arguments.seed).sample(everything, count)
    print(f"{count} of {len(everything)} mutants, seed {arguments.seed}", flush=True)
    import_what_tests_need()
    known, limits, survivors = equivalent(), {}, []
    results = {name: collections.Counter() for name in arguments.room}
    for number, mutant in enumerate(sorted(sample, key=lambda one: list(TESTS).index(one.path)), 1):
        tests = tuple(TESTS[mutant.path])
        if tests not in limits:
            start = time.monotonic()
            if run_tests(mutant.path, mutant.source, 1800) != "passed":
                sys.exit(f"the tests of {mutant.path} fail without a mutant: mend that first")
            limits[tests] = 30 + 4 * (time.monotonic() - start)
            print(f"{mutant.path}: the tests take {time.monotonic() - start:.0f} s", flush=True)
        code = mutant.broken()
        changed = difference(mutant, code)
        start = time.monotonic()
        if changed in known:
            result = "equivalent"
        else:
            result = "survived" if run_tests(mutant.path, code, limits[tests]) == "passed" else "killed"
        results[room(mutant.path)][result] += 1
        print(f"{number}/{count} {mutant.path}: {result}, {time.monotonic() - start:.0f} s", flush=True)
        if result == "survived":
            survivors.append(changed)
            print(f"{changed}\n", flush=True)
    print(f"\n{'room':14}{'killed':>10}{'survived':>10}{'equivalent':>12}")
    for name, found in results.items():
        print(f"{name:14}{found['killed']:10}{found['survived']:10}{found['equivalent']:12}")
    killed = sum(found["killed"] for found in results.values())
    judged = killed + len(survivors)
    if not judged:
        return
    low, high = interval(killed, judged)
    print(f"\nkilled {killed} of {judged}: {killed / judged:.1%} (95 % interval {low:.1%} to {high:.1%})")
    if survivors:
        print("\nSurvivors:\n\n" + "\n\n".join(survivors))
    sys.exit(killed / judged < LEAST)


if __name__ == "__main__":
    main()
