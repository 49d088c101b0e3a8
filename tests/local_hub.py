"""A Hub on loopback for tests: what the real client needs to create a model repository, push to it and read from it."""

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_writer"  # the only token that it knows


@dataclass
class Repository:
    """Commits, newest last: each is an id and the files then, by path."""

    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)

    def commit(self, files: dict[str, bytes]) -> str:
        name = hashlib.sha1(f"{len(self.commits)}{sorted(files)}".encode()).hexdigest()
        self.commits.append((name, files))
        return name

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        if revision == "main":
            return self.commits[-1]
        return next((one for one in self.commits if one[0] == revision), None)


def _blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class LocalHub:
    """The server; `url` is its endpoint, `log` the requests (method, path, status)."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.blobs: dict[str, bytes] = {}  # large files by sha256
        self.log: list[tuple[str, str, int]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: LocalHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""

    def _answer(self, status: int, content: Any = b"", code: str = "", **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.hub.log.append((self.command, self.path, status))
        self.send_response(status)
        if code:
            headers |= {"X-Error-Code": code, "X-Error-Message": code}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        name = self.path.rsplit("/", 1)[1]
        if hashlib.sha256(content).hexdigest() != name:
            return self._answer(400, {"error": "wrong digest"})
        self.hub.blobs[name] = content
        return self._answer(200)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        if path == "/api/validate-yaml":
            return self._answer(200, {"errors": [], "warnings": []})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            message = "Invalid credentials in Authorization header"
            return self._answer(401, {"error": message}, **{"X-Error-Message": message})
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'me'}/{asked['name']}"
            exists = name in self.hub.repositories
            if not exists:
                self.hub.repositories[name] = Repository()
                self.hub.repositories[name].commit({".gitattributes": b"*.safetensors filter=lfs\n"})
            return self._answer(409 if exists else 200, {"url": f"{self.hub.url}/{name}", "name": name})
        if found := re.fullmatch(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            return self._answer(200, self._batch(json.loads(body)))
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/(preupload|commit)/main", path):
            repository = self.hub.repositories[found[1]]
            act = self._preupload if found[2] == "preupload" else self._commit
            return self._answer(200, act(found[1], repository, body))
        return self._answer(501)

    def _batch(self, asked: dict[str, Any]) -> dict[str, Any]:
        objects = []
        for one in asked["objects"]:
            known = one["oid"] in self.hub.blobs
            upload = {"actions": {"upload": {"href": f"{self.hub.url}/blobs/{one['oid']}"}}}
            objects.append({"oid": one["oid"], "size": one["size"]} | ({} if known else upload))
        return {"transfer": "basic", "objects": objects}

    def _preupload(self, _: str, repository: Repository, body: bytes) -> dict[str, Any]:
        files = repository.commits[-1][1]
        found = []
        for one in json.loads(body)["files"]:
            large = one["path"].endswith(".safetensors")
            old = files.get(one["path"])
            identity = None if old is None else hashlib.sha256(old).hexdigest() if large else _blob_id(old)
            mode = "lfs" if large else "regular"
            found.append({"path": one["path"], "uploadMode": mode, "shouldIgnore": False, "oid": identity})
        return {"files": found}

    def _commit(self, name: str, repository: Repository, body: bytes) -> dict[str, Any]:
        files = dict(repository.commits[-1][1])
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.blobs[value["oid"]]
        identity = repository.commit(files)
        return {"commitOid": identity, "commitUrl": f"{self.hub.url}/{name}/commit/{identity}"}

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/blobs/"):
            return self._answer(200, self.hub.blobs[path.rsplit("/", 1)[1]])
        info = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?", path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        found = info or file
        if found is None or found[1] not in self.hub.repositories:
            return self._answer(404, {"error": "not found"}, "RepoNotFound")
        revision = unquote((info[3] if info else file[2]) or "main")  # type: ignore[index]
        at = self.hub.repositories[found[1]].at(revision)
        if at is None:
            return self._answer(404, {"error": "no such revision"}, "RevisionNotFound")
        commit, files = at
        if info and info[2] == "tree":
            rows = [{"type": "file", "path": p, "size": len(c), "oid": _blob_id(c)} for p, c in files.items()]
            return self._answer(200, rows)
        if info:
            siblings = [{"rfilename": name} for name in files]
            shown = {"id": info[1], "modelId": info[1], "sha": commit, "private": False, "gated": False}
            return self._answer(200, shown | {"disabled": False, "tags": [], "siblings": siblings, "downloads": 0})
        name = unquote(file[3])  # type: ignore[index]
        if name not in files:
            return self._answer(404, {"error": "no such file"}, "EntryNotFound")
        return self._answer(200, files[name], **{"X-Repo-Commit": commit, "ETag": f'"{_blob_id(files[name])}"'})
