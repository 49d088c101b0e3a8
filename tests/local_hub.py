"""
A Hub on loopback for tests: the requests of the real clients over real HTTP, with roles, faults and a log.

What it answers follows the source of `huggingface_hub` and recordings of the public service. Large files come from
another origin (`localhost` for `127.0.0.1`), as there, and a request for one that brings a token along is refused.
"""

import base64
import hashlib
import json
import re
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

TOKEN, READ_TOKEN, OTHER_TOKEN = (f"hf_{name:0<34}" for name in ("writerOfMine", "readerOfMine", "somebodyElse"))
USERS = {TOKEN: ("me", "write"), READ_TOKEN: ("me", "read"), OTHER_TOKEN: ("other", "write")}
LICENSES = ("apache-2.0", "mit", "cc-by-4.0", "other")
LARGE = (".safetensors", ".parquet", ".onnx")
Files = dict[str, bytes]


@dataclass
class Repository:
    """Commits by id, oldest first, each with the files then; branches and pull requests as names of commits."""

    private: bool = False
    gated: bool = False
    commits: dict[str, Files] = field(default_factory=dict)
    titles: list[str] = field(default_factory=list)
    refs: dict[str, str] = field(default_factory=dict)

    def commit(self, ref: str, files: Files, title: str) -> str:
        name = uuid.uuid4().hex + "0" * 8  # clients keep what they know of a commit for as long as they live
        self.commits[name] = files
        self.titles.append(title)
        self.refs[ref] = name
        return name

    def find(self, revision: str) -> str | None:
        name = self.refs.get(revision, revision)
        return next((one for one in self.commits if len(name) >= 7 and one.startswith(name)), None)

    def files(self, revision: str = "main") -> Files:
        return self.commits[self.find(revision) or ""]


@dataclass
class Request:
    """A request as the log keeps it."""

    method: str
    path: str
    host: str
    token: str | None
    status: int = 0


@dataclass
class Fault:
    """What goes wrong with the next requests that match: a status, `cut` (half of it) or `corrupt` (other bytes)."""

    pattern: str
    what: int | str
    times: int = 1


class Gate:
    """Holds the requests that match, `METHOD /path`, until it is opened, so that something else happens before them."""

    def __init__(self, pattern: str):
        self.pattern = pattern
        self._arrived, self._opened = threading.Semaphore(0), threading.Event()

    def wait_for(self, number: int = 1) -> None:
        """Return when so many requests more have arrived."""
        for _ in range(number):
            # only so that a test whose client died does not hang
            assert self._arrived.acquire(timeout=600), f"no request {self.pattern} in ten minutes"

    def open(self) -> None:
        self._opened.set()

    def hold(self, request: str) -> None:
        if re.search(self.pattern, request):
            self._arrived.release()
            self._opened.wait()


class Refusal(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, message: str, code: str = ""):
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


class LocalHub:
    """The server; `url` is its endpoint. `repositories` are named `models/me/name` and `datasets/me/name`."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.gate: Gate | None = None
        self.begin()
        self.url, self.blob_url = f"http://127.0.0.1:{self._port}", f"http://localhost:{self._port}"

    def begin(self) -> None:
        """Serve, with nothing in it; again at the same address if it was closed."""
        if self.gate is not None:
            self.gate.open()
        self.repositories: dict[str, Repository] = {}
        self.blobs: dict[str, bytes] = {}  # large files by sha256
        self.log: list[Request] = []
        self.faults: list[Fault] = []
        self.gate = None
        if self._server is None:
            self._server = ThreadingHTTPServer(("127.0.0.1", self._port), type("Handler", (_Handler,), {"hub": self}))
            self._server.daemon_threads = True
            self._port = self._server.server_address[1]
            threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        if self.gate is not None:
            self.gate.open()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def fault(self, request: str) -> int | str | None:
        with self.lock:
            for one in self.faults:
                if one.times > 0 and re.search(one.pattern, request):
                    one.times -= 1
                    return one.what
        return None


def blob_id(content: bytes) -> str:
    """Git's name of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _identity(name: str, content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() if name.endswith(LARGE) else blob_id(content)


class _Handler(BaseHTTPRequestHandler):
    hub: LocalHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""

    # --- receiving and answering

    def _handle(self) -> None:
        self._logged = Request(self.command, self.path, self.headers.get("Host", ""), self._token())
        self.hub.log.append(self._logged)
        fault = self.hub.fault(f"{self.command} {self.path}")
        if self.command == "PUT" and fault == "cut":
            self.rfile.read(int(self.headers["Content-Length"]) // 2)
            return self._cut()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if isinstance(fault, int):
            return self._send(fault, {"error": "out of order"})
        if self.hub.gate is not None:
            self.hub.gate.hold(f"{self.command} {self.path}")
        try:
            status, content, headers = self._route(unquoted := urlsplit(self.path).path, body)
        except Refusal as error:
            headers = {"X-Error-Message": error.message} | ({"X-Error-Code": error.code} if error.code else {})
            return self._send(error.status, {"error": error.message}, **headers)
        if fault is not None and not isinstance(content, bytes):
            raise AssertionError(f"no fault for {unquoted}")
        if fault == "corrupt":
            content = bytes([content[0] ^ 255]) + content[1:]
        return self._send(status, content, cut=fault == "cut", **headers)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _handle

    def _send(self, status: int, content: Any = b"", *, cut: bool = False, **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if found and status == 200 and "Accept-Ranges" in headers:
            size = len(body)
            begin = int(found[1]) if found[1] else max(0, size - int(found[2]))
            end = min(int(found[2]), size - 1) if found[1] and found[2] else size - 1
            if begin >= size:
                return self._send(416, b"", **{"Content-Range": f"bytes */{size}"})
            status, body = 206, body[begin : end + 1]
            headers["Content-Range"] = f"bytes {begin}-{end}/{size}"
        self._logged.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self._cut()
        return None

    def _cut(self) -> None:
        self.wfile.flush()
        self.close_connection = True

    def _token(self) -> str | None:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None

    # --- who may do what

    def _user(self) -> tuple[str, str] | None:
        token = self._token()
        if token is not None and token not in USERS:
            raise Refusal(401, "Invalid credentials in Authorization header")
        return USERS[token] if token else None

    def _repository(self, name: str) -> Repository:
        user, found = self._user(), self.hub.repositories.get(name)
        if found is None or (found.private and (user is None or user[0] != name.split("/")[1])):
            status = 401 if user is None else 404
            raise Refusal(status, "Invalid username or password." if user is None else "Not found", "RepoNotFound")
        return found

    def _may_write(self, name: str) -> None:
        user = self._user()
        if user is None:
            raise Refusal(401, "Invalid username or password.", "RepoNotFound")
        if user[1] != "write" or user[0] != name.split("/")[1]:
            raise Refusal(403, f"You don't have the rights to write to {name.split('/', 1)[1]}")

    def _at(self, repository: Repository, revision: str) -> str:
        found = repository.find(unquote(revision))
        if found is None:
            raise Refusal(404, f"Invalid rev id: {unquote(revision)}", "RevisionNotFound")
        return found

    # --- routes

    def _route(self, path: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        if path.startswith("/blobs/"):
            return self._blob(path.removeprefix("/blobs/"), body)
        if path == "/api/whoami-v2":
            user = self._user() or self._refuse(401, "Invalid username or password.")
            return 200, {"type": "user", "name": user[0], "fullname": user[0], "orgs": [], "auth": {}}, {}
        if path == "/api/validate-yaml":
            errors = [{"message": one} for one in _errors(json.loads(body)["content"])]
            return 400 if errors else 200, {"errors": errors, "warnings": []}, {}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if found := re.fullmatch(r"/((?:datasets|spaces)/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            user = self._user()  # anybody who may open a pull request
            if user is None or user[1] != "write":
                raise Refusal(403, "You don't have the rights to upload files")
            return 200, self._batch(json.loads(body)), {}
        kinds = "(models|datasets|spaces)"
        if found := re.fullmatch(rf"/api/({kinds}/[^/]+/[^/]+)(?:/([a-z-]+)(?:/([^/]+)(?:/(.*))?)?)?", path):
            return self._api(found[1], found[3] or "", found[4] or "main", unquote(found[5] or ""), body)
        if found := re.fullmatch(r"/((?:datasets|spaces)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self._resolve(f"{found[1] or 'models/'}{found[2]}", found[3], unquote(found[4]))
        raise Refusal(404 if path.startswith("/api/") else 501, f"no route {path}")

    def _refuse(self, status: int, message: str) -> Any:
        raise Refusal(status, message)

    def _create(self, asked: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        user = self._user() or self._refuse(401, "Invalid username or password.")
        identity = f"{asked.get('organization') or user[0]}/{asked['name']}"
        name = f"{asked.get('type') or 'model'}s/{identity}"
        with self.hub.lock:
            known = name in self.hub.repositories
        self._may_write(name)
        if asked.get("type") == "space" and not asked.get("sdk"):
            raise Refusal(400, "A Space needs an sdk.")
        if not known:
            private = bool(asked.get("private")) or asked.get("visibility") == "private"
            repository = Repository(private=private)
            attributes = "".join(f"*{ending} filter=lfs diff=lfs merge=lfs -text\n" for ending in LARGE)
            repository.commit("main", {".gitattributes": attributes.encode()}, "initial commit")
            with self.hub.lock:
                known = self.hub.repositories.setdefault(name, repository) is not repository
        prefix = "" if name.startswith("models/") else name.split("/")[0] + "/"
        return 409 if known else 200, {"url": f"{self.hub.url}/{prefix}{identity}", "name": identity}, {}

    def _api(self, name: str, action: str, revision: str, path: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        repository = self._repository(name)
        if action in ("", "revision"):
            return 200, self._info(name, repository, self._at(repository, revision)), {}
        if action == "tree":
            return self._tree(repository.commits[self._at(repository, revision)], path)
        if action == "paths-info":
            wanted = parse_qs(body.decode()).get("paths", [])
            files = repository.commits[self._at(repository, revision)]
            return 200, [_entry(one, files[one]) for one in wanted if one in files], {}
        if action == "refs":
            branches = [{"name": n, "ref": f"refs/heads/{n}", "targetCommit": c} for n, c in repository.refs.items()]
            return 200, {"branches": branches, "tags": [], "converts": []}, {}
        if action == "branch":
            self._may_write(name)
            if revision in repository.refs:
                raise Refusal(409, "Reference already exists")
            repository.refs[unquote(revision)] = repository.refs["main"]
            return 200, {}, {}
        is_request = "create_pr=1" in self.path
        if action in ("preupload", "commit") and not is_request:
            self._may_write(name)
        if action == "preupload":
            return 200, self._preupload(repository.commits[self._at(repository, revision)], json.loads(body)), {}
        if action == "commit":
            return 200, self._commit(name, repository, unquote(revision), body, is_request), {}
        raise Refusal(404, f"no route {self.path}")

    def _info(self, name: str, repository: Repository, commit: str) -> dict[str, Any]:
        identity = name.split("/", 1)[1]
        siblings = [{"rfilename": one} for one in repository.commits[commit]]
        dates = {"lastModified": "2026-01-01T00:00:00.000Z", "createdAt": "2026-01-01T00:00:00.000Z"}
        return {"id": identity, "modelId": identity, "author": identity.split("/")[0], "sha": commit, "tags": []} | {
            "private": repository.private,
            "gated": "manual" if repository.gated else False,
            "disabled": False,
            "siblings": siblings,
            "downloads": 0,
            "likes": 0,
            **dates,
        }

    def _tree(self, files: Files, path: str) -> tuple[int, Any, dict[str, str]]:
        inside = {one: content for one, content in files.items() if not path or one.startswith(path + "/")}
        if path and not inside:
            raise Refusal(404, f"{path} does not exist", "EntryNotFound")
        depth = len(path) + 1 if path else 0
        is_whole = "recursive=true" in self.path.lower()
        folders = {one[: one.index("/", depth)] for one in inside if "/" in one[depth:]}
        rows = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": one} for one in sorted(folders)]
        rows += [_entry(one, content) for one, content in inside.items() if is_whole or "/" not in one[depth:]]
        return 200, rows, {}

    def _preupload(self, files: Files, asked: dict[str, Any]) -> dict[str, Any]:
        found = []
        for one in asked["files"]:
            name = one["path"]
            old = _identity(name, files[name]) if name in files else None
            mode = "lfs" if name.endswith(LARGE) else "regular"
            found.append({"path": name, "uploadMode": mode, "shouldIgnore": False, "oid": old})
        return {"files": found}

    def _batch(self, asked: dict[str, Any]) -> dict[str, Any]:
        objects = []
        for one in asked["objects"]:
            known = one["oid"] in self.hub.blobs
            upload = {"actions": {"upload": {"href": f"{self.hub.blob_url}/blobs/{one['oid']}"}}}
            objects.append({"oid": one["oid"], "size": one["size"]} | ({} if known else upload))
        return {"transfer": "basic", "objects": objects}

    def _blob(self, name: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        if self._token():
            raise Refusal(403, "a token was sent to another origin")
        if self.command == "PUT":
            if hashlib.sha256(body).hexdigest() != name:
                raise Refusal(400, "wrong digest")
            self.hub.blobs[name] = body
            return 200, b"", {}
        return 200, self.hub.blobs[name], {"Accept-Ranges": "bytes"}

    def _commit(self, name: str, repository: Repository, ref: str, body: bytes, is_request: bool) -> dict[str, Any]:
        lines = [json.loads(line) for line in body.splitlines()]
        header = next(line["value"] for line in lines if line["key"] == "header")
        with self.hub.lock:
            head = self._at(repository, ref)
            parent = header.get("parentCommit")
            if parent and not is_request and parent != head:
                raise Refusal(412, "A commit has happened since. Please refresh and try again.")
            files = dict(repository.commits[head])
            for value, key in ((line["value"], line["key"]) for line in lines):
                if key == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif key == "lfsFile":
                    if value["oid"] not in self.hub.blobs:
                        raise Refusal(400, f"{value['path']} was never uploaded")
                    files[value["path"]] = self.hub.blobs[value["oid"]]
                elif key == "deletedFile":
                    del files[value["path"]]
            number = sum(one.startswith("refs/pr/") for one in repository.refs) + 1
            commit = repository.commit(f"refs/pr/{number}" if is_request else ref, files, header["summary"])
        prefix = "" if name.startswith("models/") else name.split("/")[0] + "/"
        base = f"{self.hub.url}/{prefix}{name.split('/', 1)[1]}"
        found = {"commitOid": commit, "commitUrl": f"{base}/commit/{commit}"}
        return found | ({"pullRequestUrl": f"{base}/discussions/{number}"} if is_request else {})

    def _resolve(self, name: str, revision: str, path: str) -> tuple[int, Any, dict[str, str]]:
        repository = self._repository(name)
        user = self._user()
        if repository.gated and (user is None or user[0] != name.split("/")[1]):
            message = f"Access to {name.split('/', 1)[1]} is restricted."
            raise Refusal(401 if user is None else 403, message, "GatedRepo")
        commit = self._at(repository, revision)
        files = repository.commits[commit]
        if path not in files:
            raise Refusal(404, f"{path} does not exist", "EntryNotFound")
        content = files[path]
        identity = _identity(path, content)
        headers = {"X-Repo-Commit": commit, "ETag": f'"{identity}"', "Accept-Ranges": "bytes"}
        if not path.endswith(LARGE):
            return 200, content, headers
        self.hub.blobs.setdefault(identity, content)
        linked = {"X-Linked-Etag": f'"{identity}"', "X-Linked-Size": str(len(content))}
        return 302, b"", headers | linked | {"Location": f"{self.hub.blob_url}/blobs/{identity}"}


def _entry(name: str, content: bytes) -> dict[str, Any]:
    found = {"type": "file", "path": name, "size": len(content), "oid": blob_id(content)}
    if name.endswith(LARGE):
        found["lfs"] = {"oid": _identity(name, content), "size": len(content), "pointerSize": 130}
    return found


def _errors(card: str) -> Iterator[str]:
    """What the Hub finds wrong with a card's metadata; less strict than the real one."""
    block = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    try:
        metadata = yaml.safe_load(block[1]) if block else {}
    except yaml.YAMLError as error:
        yield f"YAML: {error}"
        return
    if not isinstance(metadata, dict):
        yield "the metadata must be a mapping"
        return
    if metadata.get("license", "mit") not in LICENSES:
        yield f'"license" must be one of [{", ".join(LICENSES)}]'
    for name in ("library_name", "pipeline_tag"):
        if not isinstance(metadata.get(name, ""), str):
            yield f'"{name}" must be a string'
    for name in ("datasets", "base_model"):
        values = metadata.get(name, [])
        for one in [values] if isinstance(values, str) else values:
            if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", str(one)):
                yield f'"{name}" must be ids of the Hub'
    for name in ("tags", "language"):
        values = metadata.get(name, [])
        if not all(isinstance(one, str) for one in ([values] if isinstance(values, str) else values)):
            yield f'"{name}" must be a string or a list of strings'
    for model in metadata.get("model-index", []):
        for result in model["results"]:
            if not {"type"} <= result["task"].keys() or not {"name", "type"} <= result["dataset"].keys():
                yield '"model-index" lacks a task or a dataset'
            if not all({"type", "value"} <= one.keys() for one in result["metrics"]):
                yield '"model-index" lacks a metric'
