"""How a record becomes the call that fetches its file."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from airflow_provider.batch.mapping import RecordMapping
from airflow_provider.extract.folders import FilePlace, file_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider.http.call import Call
    from airflow_provider.records.file_names import FileName

VENDOR_FIELDS = {"id": ("Id",), "number": ("DocumentNumber", "Number")}
"""Where the rows of a list have what a file needs."""


class DownloadMapping(RecordMapping):
    """Makes the call of a record, whose fields also make the name of its file.

    :param function: makes the call, of an id and a place
    :param folder: path or URI of the folder
    :param name: makes the name of a file
    :param overwrite: whether files that are there are replaced
    :param more: what :class:`~airflow_provider.batch.mapping.RecordMapping` takes
    """

    def __init__(
        self,
        function: Callable[..., Call[Any]],
        *,
        folder: str,
        name: FileName,
        overwrite: bool,
        **more: Any,
    ) -> None:
        self._folder = folder
        self._name = name
        self._overwrite = overwrite
        super().__init__(function, **more)
        for field, others in VENDOR_FIELDS.items():
            if field in self._sources and field not in more["fields"]:
                self._sources[field] += tuple((other,) for other in others)

    def call(self, record: dict[str, Any]) -> Call[Any]:
        """Make the call of a record.

        :param record: the record
        :raises InvalidInput: a value is missing, or makes no name of a file
        """
        values = self.arguments(record)
        path = file_path(self._folder, self._name.of(values))
        return self._function(values["id"], place=FilePlace(path, overwrite=self._overwrite))

    def _parameters(self, function: Callable[..., Call[Any]]) -> Mapping[str, inspect.Parameter]:
        needed = inspect.Parameter("field", inspect.Parameter.KEYWORD_ONLY)
        return dict.fromkeys(("id", *self._name.fields), needed)
