"""The wheel: our modules, and the folders at the top of the clone that are no Python.

They stay where they are in the repository; in a wheel they are `hermes_ops/share/`, where
`hermes_ops/assets.py` looks for them. Everything else stands in pyproject.toml.
"""

import shutil

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

CARRIED = ("templates", "roles", "runbooks", "vendor")


class FromNothing(build_py):
    """What an earlier build left in build/ would be carried along, modules that are gone too."""

    def run(self) -> None:
        """Build into an empty folder."""
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


setup(
    cmdclass={"build_py": FromNothing},
    packages=[
        *find_packages(include=["hermes_ops", "hermes_ops.*"]),
        *(f"hermes_ops.share.{folder}" for folder in CARRIED),
    ],
    package_dir={f"hermes_ops.share.{folder}": folder for folder in CARRIED},
    package_data={
        "hermes_ops": ["**/*.sh", "**/*.txt", "**/*.yml"],
        "hermes_ops.share.templates": ["**/*"],
        "hermes_ops.share.roles": ["**/*"],
        "hermes_ops.share.runbooks": ["*.md"],
        "hermes_ops.share.vendor": ["*.whl", "*.md"],
    },
    include_package_data=False,
    exclude_package_data={"": ["*.pyc", "**/__pycache__/*"]},
)
