"""The environment in which the notebooks are tested: quiet, repeatable, and the same on every number of cores."""

import pathlib

ROOT = pathlib.Path(__file__).parent


def pytest_configure(config):
    from cvhelpers.course.refresh import set_kernel_environment

    set_kernel_environment(ROOT)
