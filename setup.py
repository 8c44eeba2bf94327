"""Packaging metadata; the settings of the tools are in ``pyproject.toml``."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
REPOSITORY = "https://github.com/airflow-provider-vendor-apis/airflow-provider-vendor-apis"


def read_version() -> str:
    text = (HERE / "airflow_provider" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if match is None:
        raise RuntimeError("airflow_provider/__init__.py has no __version__")
    return match.group(1)


class BuildWithExamples(build_py):
    """Put ``dags_examples`` into the package, where ``airflow vendor-apis examples`` finds them."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "airflow_provider" / "examples"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(HERE / "dags_examples", target, ignore=shutil.ignore_patterns("__pycache__"))


setup(
    name="airflow-provider-vendor-apis",
    version=read_version(),
    description="Apache Airflow provider for the vendor APIs of Imbee, wolkvox CRM, mPOHODA and Mobadoo",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license_expression="Apache-2.0",
    license_files=["LICENSE"],
    url=REPOSITORY,
    project_urls={
        "Documentation": f"{REPOSITORY}/tree/main/docs",
        "Source": REPOSITORY,
        "Changelog": f"{REPOSITORY}/blob/main/CHANGELOG.md",
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Environment :: Plugins",
        "Framework :: Apache Airflow",
        "Framework :: Apache Airflow :: Provider",
        "Intended Audience :: Developers",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Software Development :: Libraries",
        "Typing :: Typed",
    ],
    keywords=["airflow", "provider", "imbee", "wolkvox", "mpohoda", "mobadoo"],
    python_requires=">=3.11",
    packages=find_packages(include=["airflow_provider", "airflow_provider.*"]),
    package_data={"airflow_provider": ["py.typed", "events/alembic.ini", "pages/templates/*"]},
    cmdclass={"build_py": BuildWithExamples},
    zip_safe=False,
    # The lower bounds are those of locks/lowest.txt, which `tox -e lowest` tests.
    install_requires=[
        "apache-airflow>=3.2.0",
        "requests>=2.32.2",
        "urllib3>=2.2.2",
        "aiohttp>=3.12.0",
        "pendulum>=3.1.0",
        # Airflow's API server, and with it the operations page, does not start with an older one.
        "pydantic>=2.11.5",
        # Airflow's own bounds.
        "msgspec>=0.19.0",
        "sqlalchemy>=2.0.48",
        "alembic>=1.14.1",
        # Decimals of each currency.
        "iso4217>=1.12.20240625",
        # The operations page; Airflow needs both itself.
        "jinja2>=3.1.5",
        "itsdangerous>=2.0",
    ],
    extras_require={
        "parquet": ["pyarrow>=18.0.0"],
        "phone": ["phonenumbers>=8.13.0"],
        "postgres": ["psycopg[binary]>=3.2.1"],
        "mysql": ["pymysql>=1.1.0"],
        "sandbox": ["uvicorn>=0.37.0", "websockets>=15.0"],
    },
    entry_points={
        "apache_airflow_provider": ["provider_info = airflow_provider.get_provider_info:get_provider_info"],
        "airflow.plugins": ["vendor_apis = airflow_provider.plugin:VendorApisPlugin"],
    },
)
