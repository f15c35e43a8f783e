"""A registry in an S3-compatible bucket: conditional writes are the compare-and-swap.

`If-None-Match: *` for what is written once, `If-Match` for what is replaced. Credentials, region and endpoint are those
of the standard AWS variables and files. Source: the S3 API reference, conditional requests.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from muniment.core.errors import Conflict, Malformed, Missing, Unreachable, Usage
from muniment.registry.store import LIMIT, read_if

PROBE = ".conditional"
AT_ONCE = 1000  # objects that one request may delete
_PLACE = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?P<prefix>(?:/[A-Za-z0-9!_.*'()-]+)*)/?")


class _Absent(Exception):
    """There is no such object."""


class _Raced(Exception):
    """The condition of a write does not hold, or another write was under way."""


def parse_bucket_place(text: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://<bucket>/<prefix>`; the prefix is empty or ends in a slash. Raises `Usage`."""
    match = _PLACE.fullmatch(text)
    if match is None or {".", ".."} & set(match["prefix"].split("/")):
        raise Usage(f"{text} names no place in a bucket.", "Write s3://BUCKET/PREFIX.")
    return match["bucket"], f"{match['prefix'][1:]}/".lstrip("/")


class BucketStore:
    """The objects below a prefix. Others may write at any moment."""

    alone = False

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket, self._prefix = bucket, prefix
        self._removed: list[str] = []
        self._proved = False

    @property
    def place(self) -> str:
        """The address."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def read(self, path: str, most: int = LIMIT) -> bytes:
        """The bytes of an object. Raises `Missing` or `Unreachable`."""
        found = self._get(path, most)
        if found is None:
            raise Missing(f"{self.place}/{path} is missing.", "Check the bucket and the prefix.")
        return found[0]

    def list(self, folder: str) -> list[str]:
        """The paths of the objects directly in a folder, sorted; hidden ones left out."""
        paths, top = list[str](), f"{self._prefix}{folder}/"
        more: dict[str, str] = {}
        while True:
            page = self._call("list_objects_v2", Prefix=top, Delimiter="/", **more)
            names = (item["Key"].removeprefix(top) for item in page.get("Contents", ()))
            paths += [f"{folder}/{name}" for name in names if name and not name.startswith(".")]
            if not page.get("IsTruncated"):
                return sorted(paths)
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def put_new(self, path: str, data: bytes) -> None:
        """Puts an object there that never changes. Raises `Conflict` where another one is."""
        self._put(path, data, IfNoneMatch="*")

    def swap(self, path: str, old: bytes | None, new: bytes) -> None:
        """Replaces what is there, if it is `old`. Raises `Conflict`."""
        found = self._get(path, LIMIT)
        known = None if found is None else found[0]
        if known == new:
            return
        if known != old:
            raise self._changed(path)
        self._put(path, new, **({"IfNoneMatch": "*"} if found is None else {"IfMatch": found[1]}))

    def remove(self, path: str) -> None:
        """Takes an object away by the next commit, if it is there."""
        self._removed.append(path)

    def commit(self, message: str) -> None:
        """Deletes what was taken away; all else stands when it is made."""
        removed, self._removed = self._removed, []
        for first in range(0, len(removed), AT_ONCE):
            keys = [{"Key": f"{self._prefix}{path}"} for path in removed[first : first + AT_ONCE]]
            said = self._call("delete_objects", Delete={"Objects": keys, "Quiet": True})
            if errors := said.get("Errors"):
                raise Unreachable(
                    f"{self.place}: {errors[0].get('Key')} cannot be removed: {errors[0].get('Code')}.",
                    "Check your rights there.",
                )

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """What is read is always of now. Raises `Unreachable` where the service ignores conditions of writes."""
        self._removed = []
        self._prove()
        try:
            yield
        finally:
            self._removed = []

    def _prove(self) -> None:
        """Two writes that must fail: a service that lets them pass would let two sequencers overwrite each other."""
        if self._proved:
            return
        with contextlib.suppress(_Raced):
            self._write(PROBE, b"", IfNoneMatch="*")  # the first time it is new
        for condition in ({"IfNoneMatch": "*"}, {"IfMatch": f'"{"0" * 32}"'}):
            with contextlib.suppress(_Raced):
                self._write(PROBE, b"", **condition)
                raise Unreachable(
                    f"The service of {self.place} ignores conditions of writes ({', '.join(condition)}).",
                    "Use one that enforces them; without, two sequencers could overwrite each other.",
                )
        self._proved = True

    def _put(self, path: str, data: bytes, **condition: str) -> None:
        """A write on a condition; if it fails, or nobody says, what is there now decides."""
        try:
            self._write(path, data, **condition)
        except _Raced as error:
            if read_if(self, path) != data:
                raise self._changed(path) from error
        except Unreachable:
            if read_if(self, path) != data:
                raise

    def _write(self, path: str, data: bytes, **condition: str) -> None:
        try:
            self._call("put_object", Key=f"{self._prefix}{path}", Body=data, **condition)
        except _Absent as error:  # what was to be replaced is gone
            raise _Raced from error

    def _get(self, path: str, most: int) -> tuple[bytes, str] | None:
        """Bytes and entity tag of an object."""
        try:
            said = self._call("get_object", Key=f"{self._prefix}{path}")
        except _Absent:
            return None
        with said["Body"] as body:
            large = said["ContentLength"] > most
            data = b"" if large else self._told(lambda: bytes(body.read(most + 1)))
        if large or len(data) > most:
            raise Malformed(f"{self.place}/{path} is larger than {most} bytes.", "No such file of a registry is.")
        return data, said["ETag"]

    def _changed(self, path: str) -> Conflict:
        return Conflict(f"{self.place}/{path} was changed by somebody else.", "Try again.")

    def _call(self, operation: str, **arguments: Any) -> Any:
        call = getattr(self._client, operation)
        return self._told(lambda: call(Bucket=self._bucket, **arguments))

    def _told(self, ask: Any) -> Any:
        """What the service says. Raises `_Absent`, `_Raced` or `Unreachable`."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return ask()
        except ClientError as error:
            status, code = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
            if status in (409, 412):
                raise _Raced from error
            if code in ("NoSuchKey", "404"):
                raise _Absent from error
            raise Unreachable(
                f"{self.place} answers {status} {code}.", "Check the bucket's name and your rights there."
            ) from error
        except BotoCoreError as error:
            raise Unreachable(
                f"{self.place} cannot be reached: {error}.", "Check AWS_ENDPOINT_URL, the credentials and the network."
            ) from error

    @cached_property
    def _client(self) -> Any:
        try:
            from boto3.session import Session
            from botocore.config import Config
        except ImportError as error:
            raise Unreachable(
                "Buckets need a library that is not installed.", "Run: pip install 'muniment[bucket]'."
            ) from error
        # Checksums of the newer kind are unknown to many services that are compatible otherwise.
        config = Config(
            retries={"mode": "standard", "max_attempts": 4},
            connect_timeout=10,
            read_timeout=60,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        return self._told(lambda: Session().client("s3", config=config))
