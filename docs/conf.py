"""Settings of the documentation; ``make docs`` builds it without a network."""

from __future__ import annotations

from airflow_provider import __version__

project = "airflow-provider-vendor-apis"
author = "The airflow-provider-vendor-apis authors"
project_copyright = f"2026, {author}"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
default_role = "code"
highlight_language = "python"

autodoc_member_order = "bysource"
autodoc_typehints = "description"

# A prompt is not part of the command.
copybutton_prompt_text = "$ "
copybutton_copy_empty_lines = False

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_title = f"{project} {release}"
html_show_sphinx = False
